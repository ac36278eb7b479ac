from __future__ import annotations

import dataclasses
import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nova_clone.domain.topology.cpuset import parse_cpuset
from nova_clone.domain.topology.fit import (
    Limits,
    Misfit,
    Room,
    fit_topology,
    topology_fits,
)
from nova_clone.domain.topology.guest import (
    EmulatorPolicy,
    GuestTopology,
    PageChoice,
    ThreadPolicy,
)
from nova_clone.domain.topology.host import (
    CellUse,
    HostCell,
    HostTopology,
    PagePool,
    TopologyFit,
    layout,
    usage,
)
from nova_clone.domain.topology.matching import first_matching, has_matching
from tests.unit.domain.topology.hosts import (
    GUESTS,
    HUGE,
    a_cell,
    a_guest,
    judge,
    naive_mappings,
    rooms,
)


def a_room(*cells: HostCell, use: tuple[CellUse, ...] = (), pack: bool = False) -> Room:
    return Room(host=HostTopology(cells=cells, pack=pack), use=use)


def fitted(room: Room, guest: GuestTopology) -> TopologyFit:
    found = fit_topology(room, guest)
    assert isinstance(found, TopologyFit), found
    return found


def refusal(room: Room, guest: GuestTopology) -> str:
    found = fit_topology(room, guest)
    assert isinstance(found, Misfit), found
    return found.reason


@settings(max_examples=150, deadline=None)
@given(rooms(), GUESTS)
def test_a_fit_is_found_when_there_is_one(room: Room, guest: GuestTopology) -> None:
    possible = list(naive_mappings(room, guest))
    found = fit_topology(room, guest)
    assert isinstance(found, TopologyFit) == bool(possible)
    assert topology_fits(room, guest) == bool(possible)
    if isinstance(found, TopologyFit):
        assert tuple(cell.host_cell for cell in found.cells) in possible
        judge(room, guest, found)


@settings(max_examples=40, deadline=None)
@given(rooms(), st.lists(GUESTS, max_size=6))
def test_servers_never_get_more_than_there_is(room: Room, guests: list[GuestTopology]) -> None:
    room = dataclasses.replace(room, use=())
    fits: list[TopologyFit] = []
    for guest in guests:
        found = fit_topology(dataclasses.replace(room, use=usage(fits)), guest)
        if isinstance(found, TopologyFit):
            fits.append(found)
    hosts = {cell.id: cell for cell in room.host.cells}
    taken = [cell for fit in fits for cell in fit.cells]
    for number, host in hosts.items():
        here = [cell.taken for cell in taken if cell.host_cell == number]
        assert sum(map(len, here)) == len(frozenset().union(*here))
        assert frozenset().union(*here) <= layout(host).dedicated
    for use in usage(fits):
        host = hosts[use.id]
        assert use.shared_cpus <= len(layout(host).shared)
        ordinary = use.memory_mb + use.pages.get(4, 0) * 4 // 1024
        assert ordinary <= host.ordinary_mb
        assert use.pages.get(HUGE, 0) <= host.pages[1].total


@given(
    st.dictionaries(
        st.integers(0, 3), st.lists(st.integers(0, 4), unique=True, max_size=5), max_size=4
    ),
    st.lists(st.frozensets(st.integers(0, 4), max_size=3), max_size=3),
)
def test_the_first_of_all_matchings_is_found(
    edges: dict[int, list[int]], covers: list[frozenset[int]]
) -> None:
    tried = (
        dict(zip(edges, chosen, strict=True))
        for chosen in itertools.product(*edges.values())
        if len(set(chosen)) == len(edges) and any(cover <= set(chosen) for cover in covers)
    )
    expected = next(tried, None)
    assert first_matching(edges, covers) == expected
    assert has_matching(edges, covers) == (expected is not None)


def test_many_cells_that_are_alike_take_no_longer() -> None:
    cells = tuple(a_cell(number, dedicated=f"{number * 4}-{number * 4 + 3}") for number in range(8))
    guest = a_guest(*[(0, 4)] * 7, (0, 5))
    # 40,320 mappings, none of which fits.
    assert "5 are needed" in refusal(a_room(*cells), guest)
    unlucky = Room(host=HostTopology(cells=cells), covers=())
    assert "PCI" in refusal(unlucky, a_guest(*[(0, 4)] * 8))


def test_processors_of_a_core_go_together() -> None:
    room = a_room(
        a_cell(dedicated="0-7", cores="0,4 1,5 2,6 3,7"), use=(CellUse(id=0, pinned="0"),)
    )
    found = fitted(room, a_guest((0, 3)))
    # A whole core, and then the thread whose sibling is taken.
    assert found.cells[0].pinning == {0: 1, 1: 5, 2: 4}
    assert set(fitted(room, a_guest((0, 2))).cells[0].pinning.values()) == {1, 5}


def test_threads_may_be_required() -> None:
    plain = a_room(a_cell(dedicated="0-3"))
    guest = a_guest((0, 2), threads=ThreadPolicy.REQUIRE)
    assert "as require wants them" in refusal(plain, guest)
    threaded = a_room(a_cell(dedicated="0-3", cores="0,2 1,3"), use=(CellUse(id=0, pinned="0"),))
    assert set(fitted(threaded, guest).cells[0].pinning.values()) == {1, 3}


def test_isolation_keeps_the_other_threads_free() -> None:
    room = a_room(a_cell(dedicated="0-3", cores="0,2 1,3"))
    first = fitted(room, a_guest((0, 1), threads=ThreadPolicy.ISOLATE))
    assert (first.cells[0].pinning, first.cells[0].kept_free) == ({0: 0}, "2")
    later = dataclasses.replace(room, use=usage([first]))
    assert set(fitted(later, a_guest((0, 2))).cells[0].pinning.values()) == {1, 3}
    assert "2 free dedicated CPUs, 3 are needed" in refusal(later, a_guest((0, 3)))


def test_isolation_needs_threads_that_serve_nobody() -> None:
    room = a_room(a_cell(dedicated="0-1", shared="2-3", cores="0,2 1,3"))
    assert refusal(room, a_guest((0, 1), threads=ThreadPolicy.ISOLATE))
    unused = a_room(a_cell(dedicated="0-1", cores="0,2 1,3"))
    assert fitted(unused, a_guest((0, 2), threads=ThreadPolicy.ISOLATE)).cells[0].kept_free == ""


def test_the_emulator_gets_a_processor_of_the_first_cell() -> None:
    room = a_room(a_cell(0, dedicated="0-1"), a_cell(1, dedicated="2-4"))
    guest = a_guest((0, 2), (0, 2), emulator=EmulatorPolicy.ISOLATE)
    found = fitted(room, guest)
    assert [(cell.host_cell, cell.emulator) for cell in found.cells] == [(1, 4), (0, None)]


def test_huge_pages_are_tried_first() -> None:
    room = a_room(a_cell(shared="0-3", huge=32))
    large = a_guest((1, 0), pages=PageChoice.LARGE)
    first = fitted(room, large)
    assert first.cells[0].page_size_kb == HUGE
    later = dataclasses.replace(room, use=usage([first]))
    assert "0 MB of free memory in pages of 2048 KB" in refusal(later, large)
    assert fitted(later, a_guest((1, 0), pages=PageChoice.ANY)).cells[0].page_size_kb == 4
    assert fitted(later, a_guest((1, 0))).cells[0].page_size_kb is None
    assert "no pages of the size 1048576" in refusal(room, a_guest((1, 0), pages=1048576))


def test_reserved_pages_are_nobodys() -> None:
    pools = (PagePool(size_kb=4, total=0), PagePool(size_kb=HUGE, total=40, reserved=9))
    room = a_room(HostCell(id=0, shared="0", memory_mb=80, pages=pools))
    assert refusal(room, a_guest((1, 0), pages=HUGE))


def test_pages_must_divide_memory() -> None:
    room = a_room(a_cell(shared="0", huge=64))
    assert refusal(room, a_guest((1, 0), memory_mb=63, pages=PageChoice.LARGE))


def test_overcommitment_is_limited_and_never_within_one_server() -> None:
    room = a_room(a_cell(shared="0-1"), use=(CellUse(id=0, shared_cpus=3, memory_mb=1000),))
    generous = dataclasses.replace(room, limits=Limits(cpu=4.0, ram=1.5))
    assert "room for 0 shared CPUs" in refusal(room, a_guest((1, 0)))
    assert "24 MB of free memory" in refusal(room, a_guest((0, 0)))
    fitted(generous, a_guest((2, 0)))
    assert "room for 2 shared CPUs, 3" in refusal(generous, a_guest((3, 0)))


@pytest.mark.parametrize(("pack", "cell"), [(True, 1), (False, 0)])
def test_cells_are_packed_or_spread(pack: bool, cell: int) -> None:
    room = a_room(
        a_cell(0, dedicated="0-3"),
        a_cell(1, dedicated="4-7"),
        use=(CellUse(id=1, pinned="4"),),
        pack=pack,
    )
    assert fitted(room, a_guest((0, 2))).cells[0].host_cell == cell


def test_cells_without_devices_are_for_servers_without() -> None:
    cells = (a_cell(0, shared="0-3"), a_cell(1, shared="4-7"))
    room = Room(host=HostTopology(cells=cells), devices={0: 2})
    assert fitted(room, a_guest((1, 0))).host_cells == {1}
    near = dataclasses.replace(room, wants_devices=True)
    assert fitted(near, a_guest((1, 0))).host_cells == {0}


def test_too_many_cells_do_not_fit() -> None:
    room = a_room(a_cell(shared="0-3"))
    assert refusal(room, a_guest((1, 0), (1, 0))) == "2 NUMA cells are needed, the host has 1"
    assert not topology_fits(room, a_guest((1, 0), (1, 0)))
    unlike = a_room(a_cell(0, shared="0"), a_cell(1))
    assert "not all at once" in refusal(unlike, a_guest((1, 0), (1, 0)))


def test_fits_and_hosts_can_travel() -> None:
    room = a_room(a_cell(dedicated="0-3", shared="4-5", cores="0,2 1,3", huge=4))
    fit = fitted(room, a_guest((1, 2), emulator=EmulatorPolicy.ISOLATE))
    for record in (room.host, fit, usage([fit])[0]):
        told = msgspec.json.encode(record)
        assert msgspec.json.decode(told, type=type(record)) == record
    assert parse_cpuset(usage([fit])[0].pinned) == fit.cells[0].taken
