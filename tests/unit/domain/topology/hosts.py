"""Small hosts and guests, and by what a fit is judged."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from hypothesis import strategies as st

from nova_clone.domain.topology.cpuset import format_cpuset, parse_cpuset
from nova_clone.domain.topology.fit import Room
from nova_clone.domain.topology.guest import (
    CpuPolicy,
    EmulatorPolicy,
    GuestCell,
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
)

SMALL, HUGE = 4, 2048


def a_cell(
    number: int = 0,
    *,
    dedicated: str = "",
    shared: str = "",
    cores: str = "",
    ordinary_mb: int = 1024,
    huge: int = 0,
    socket: int | None = None,
) -> HostCell:
    return HostCell(
        id=number,
        socket=number if socket is None else socket,
        dedicated=dedicated,
        shared=shared,
        cores=cores,
        memory_mb=ordinary_mb + huge * 2,
        pages=(
            PagePool(size_kb=SMALL, total=ordinary_mb * 256),
            PagePool(size_kb=HUGE, total=huge),
        ),
    )


def a_guest(
    *cells: tuple[int, int],
    threads: ThreadPolicy | None = None,
    emulator: EmulatorPolicy | None = None,
    memory_mb: int = 64,
    pages: PageChoice | int | None = None,
) -> GuestTopology:
    """Return a guest of cells with so many (shared, dedicated) processors."""
    made = []
    first = 0
    for number, (shared, dedicated) in enumerate(cells):
        numbers = range(first, first + shared + dedicated)
        first += shared + dedicated
        made.append(
            GuestCell(
                id=number,
                memory_mb=memory_mb,
                shared=frozenset(numbers[:shared]),
                dedicated=frozenset(numbers[shared:]),
            )
        )
    return GuestTopology(
        cells=tuple(made),
        cpu_policy=CpuPolicy.MIXED,
        thread_policy=threads,
        emulator_policy=emulator,
        page_size_kb=pages if isinstance(pages, int) else None,
        page_choice=pages if isinstance(pages, PageChoice) else None,
    )


@st.composite
def host_cells(draw: st.DrawFn, number: int) -> HostCell:
    first = number * 16
    sizes = draw(st.lists(st.integers(1, 3), max_size=3))
    cores: list[str] = []
    dedicated: set[int] = set()
    for size in sizes:
        threads = range(first, first + size)
        first += size
        cores.append(",".join(map(str, threads)))
        dedicated.update(cpu for cpu in threads if draw(st.integers(0, 4)))
    everything = {cpu for core in cores for cpu in parse_cpuset(core)}
    told = draw(st.booleans()) or any(size > 1 for size in sizes)
    return a_cell(
        number,
        dedicated=format_cpuset(dedicated),
        shared=format_cpuset(everything - dedicated),
        cores=" ".join(cores) if told else "",
        ordinary_mb=draw(st.sampled_from((0, 64, 128, 256))),
        huge=draw(st.sampled_from((0, 32, 64))),
    )


@st.composite
def rooms(draw: st.DrawFn) -> Room:
    cells = [draw(host_cells(number)) for number in range(draw(st.integers(1, 3)))]
    use = []
    for cell in cells:
        dedicated = sorted(layout(cell).dedicated)
        taken = draw(st.sets(st.sampled_from(dedicated or [-1]), max_size=2)) - {-1}
        taken_up = draw(st.integers(0, 2))
        if taken or taken_up:
            use.append(
                CellUse(
                    id=cell.id,
                    pinned=format_cpuset(taken),
                    shared_cpus=taken_up,
                    memory_mb=draw(st.sampled_from((0, 64))),
                    pages=draw(st.sampled_from(({}, {HUGE: 32}, {SMALL: 64 * 256}))),
                )
            )
    numbers = [cell.id for cell in cells]
    covers = draw(
        st.one_of(
            st.just([frozenset[int]()]),
            st.lists(st.frozensets(st.sampled_from(numbers), max_size=2), max_size=3),
        )
    )
    host = HostTopology(cells=tuple(cells), pack=draw(st.booleans()))
    return Room(host=host, use=tuple(use), covers=covers)


GUESTS = st.builds(
    lambda cells, threads, emulator, pages: a_guest(
        *cells, threads=threads, emulator=emulator, pages=pages
    ),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=3),
    st.sampled_from((None, *ThreadPolicy)),
    st.sampled_from((None, *EmulatorPolicy)),
    st.sampled_from((None, HUGE, SMALL, *PageChoice)),
)


def threads_hold(
    cell: HostCell, free: frozenset[int], chosen: frozenset[int], policy: ThreadPolicy | None
) -> bool:
    """Tell whether these processors are what the policy allows."""
    found = layout(cell)
    by_core = [(core, core & chosen) for core in found.cores if core & chosen]
    if policy is ThreadPolicy.REQUIRE:
        alone = [core for core, ours in by_core if len(ours) == 1]
        return len(alone) <= 1 and all(len(core & free) > 1 for core, _ours in by_core)
    if policy is ThreadPolicy.ISOLATE:
        return all(
            len(ours) == 1 and not core & found.shared and core & found.dedicated <= free
            for core, ours in by_core
        )
    return True


def _cell_could(room: Room, guest: GuestTopology, cell: GuestCell, host: HostCell) -> bool:
    use = next((use for use in room.use if use.id == host.id), CellUse(id=host.id))
    free = layout(host).dedicated - parse_cpuset(use.pinned)
    count = len(cell.dedicated) + guest.extra_cpus(cell)
    if not any(
        threads_hold(host, free, frozenset(chosen), guest.thread_policy)
        for chosen in itertools.combinations(sorted(free), count)
    ):
        return False
    shared = len(layout(host).shared) - use.shared_cpus
    if cell.shared and len(cell.shared) > shared:
        return False
    there = {pool.size_kb: pool.total * pool.size_kb // 1024 for pool in host.pages}
    ordinary = there[SMALL] - use.memory_mb - use.pages.get(SMALL, 0) * SMALL // 1024
    huge = there[HUGE] - use.pages.get(HUGE, 0) * HUGE // 1024
    wanted = guest.page_size_kb or guest.page_choice
    sizes = {
        HUGE: (huge,),
        PageChoice.LARGE: (huge,),
        PageChoice.ANY: (huge, ordinary),
    }.get(wanted, (ordinary,))
    return any(cell.memory_mb <= size for size in sizes)


def naive_mappings(room: Room, guest: GuestTopology) -> Iterator[tuple[int, ...]]:
    """Try everything: yield the host cells that the guest's cells could go to, in order."""
    for hosts in itertools.permutations(room.host.cells, len(guest.cells)):
        numbers = tuple(host.id for host in hosts)
        if any(cover <= set(numbers) for cover in room.covers) and all(
            _cell_could(room, guest, cell, host)
            for cell, host in zip(guest.cells, hosts, strict=True)
        ):
            yield numbers


def judge(room: Room, guest: GuestTopology, fit: TopologyFit) -> None:
    """Assert that a fit keeps to what there is and to what was asked."""
    hosts = {cell.id: cell for cell in room.host.cells}
    use = {cell.id: cell for cell in room.use}
    assert [cell.guest_cell for cell in fit.cells] == [cell.id for cell in guest.cells]
    assert len(fit.host_cells) == len(guest.cells)
    for placed, wanted in zip(fit.cells, guest.cells, strict=True):
        host = hosts[placed.host_cell]
        before = use.get(host.id, CellUse(id=host.id))
        free = layout(host).dedicated - parse_cpuset(before.pinned)
        assert placed.taken <= free
        assert placed.pinning.keys() == wanted.dedicated
        assert parse_cpuset(placed.shared) == wanted.shared
        assert (placed.emulator is not None) == bool(guest.extra_cpus(wanted))
        own = frozenset(placed.pinning.values()) | (
            frozenset() if placed.emulator is None else {placed.emulator}
        )
        assert len(own) == len(wanted.dedicated) + guest.extra_cpus(wanted)
        assert threads_hold(host, free, own, guest.thread_policy)
        if guest.thread_policy is ThreadPolicy.ISOLATE:
            touched = frozenset[int]().union(*(c for c in layout(host).cores if c & own))
            assert placed.taken == touched & layout(host).dedicated
        assert placed.memory_mb == wanted.memory_mb
