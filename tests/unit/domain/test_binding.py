from __future__ import annotations

import pytest

from nova_clone.domain.binding import Binding, Ground, bind, deviations
from nova_clone.domain.errors import TryElsewhere
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.pci.fit import PciGrant
from nova_clone.domain.placing import Placing, Space, needs_of, place
from nova_clone.domain.topology.host import HostCell, HostTopology, PagePool

HOST = HostTopology(
    cells=tuple(
        HostCell(
            id=number,
            shared=f"{first}-{first + 3}",
            dedicated=f"{first + 4}-{first + 7}",
            memory_mb=4096,
            pages=(
                PagePool(size_kb=4, total=2**19),
                PagePool(size_kb=2048, total=512),
                PagePool(size_kb=2**20, total=2),
            ),
        )
        for number, first in ((0, 0), (1, 8))
    )
)
GROUND = Ground(topology=HOST, shared=frozenset({0, 1, 2, 3, 8, 9, 10, 11}))
DEDICATED = {"hw:cpu_policy": "dedicated"}
REALTIME = {**DEDICATED, "hw:cpu_realtime": "yes", "hw:cpu_realtime_mask": "^0"}


def a_flavor(specs: dict[str, str], vcpus: int) -> Flavor:
    return Flavor(id="f", name="f", vcpus=vcpus, ram=1024, disk=1, extra_specs=specs)


def placed(specs: dict[str, str], vcpus: int = 2) -> Placing:
    found = place(Space(topology=HOST), needs_of(a_flavor(specs, vcpus), {}, {}))
    assert isinstance(found, Placing)
    return found


def bound(specs: dict[str, str], vcpus: int = 2, ground: Ground = GROUND) -> Binding:
    return bind(placed(specs, vcpus), ground, a_flavor(specs, vcpus), {})


def test_a_server_without_wishes_floats_over_the_shared_processors() -> None:
    assert bound({}) == Binding(cpus="0-3,8-11")
    assert bound({}, ground=Ground(topology=HOST)) == Binding()
    assert bound({}, ground=Ground()) == Binding()


def test_dedicated_processors_are_bound_one_to_one() -> None:
    assert bound(DEDICATED) == Binding(pins={0: "4", 1: "5"}, emulator="4-5", cells={0: "0"})


def test_shared_processors_are_bound_to_those_of_their_cell() -> None:
    assert bound({"hw:numa_nodes": "2"}) == Binding(
        pins={0: "0-3", 1: "8-11"}, emulator="0-3,8-11", cells={0: "0", 1: "1"}
    )


def test_some_processors_may_be_shared_and_others_not() -> None:
    mixed = {"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "1"}
    assert bound(mixed).pins == {0: "0-3", 1: "4"}


@pytest.mark.parametrize(
    ("specs", "emulator"),
    [
        ({**DEDICATED, "hw:emulator_threads_policy": "isolate"}, "7"),
        ({**DEDICATED, "hw:emulator_threads_policy": "share"}, "0-3,8-11"),
        (DEDICATED, "4-6"),
        (REALTIME, "4"),
        ({**REALTIME, "hw:emulator_threads_policy": "share"}, "0-3,8-11"),
    ],
)
def test_the_emulator_runs_where_it_may(specs: dict[str, str], emulator: str) -> None:
    assert bound(specs, 3).emulator == emulator


def test_the_emulator_stays_with_its_server_where_nothing_is_shared() -> None:
    specs = {**DEDICATED, "hw:emulator_threads_policy": "share"}
    assert bound(specs, ground=Ground(topology=HOST)).emulator == "4-5"


def test_processors_may_work_in_real_time() -> None:
    assert bound(REALTIME, 3).realtime == "1-2"


@pytest.mark.parametrize(
    ("size", "pages"), [("large", {0: 2**20}), ("2048", {0: 2048}), ("small", {}), (None, {})]
)
def test_huge_pages_are_those_that_are_not_ordinary(
    size: str | None, pages: dict[int, int]
) -> None:
    specs = DEDICATED if size is None else {**DEDICATED, "hw:mem_page_size": size}
    assert bound(specs).pages == pages


@pytest.mark.parametrize(
    "host",
    [
        None,
        HostTopology(cells=(HostCell(id=1, shared="0-3"),)),
        HostTopology(cells=(HostCell(id=0, dedicated="0-3"),)),
    ],
)
def test_a_place_that_is_not_there_any_more_is_refused(host: HostTopology | None) -> None:
    with pytest.raises(TryElsewhere):
        bound({"hw:numa_nodes": "1"}, ground=Ground(topology=host))


class TestDeviations:
    def test_a_guest_at_its_place_deviates_in_nothing(self) -> None:
        placing = placed(DEDICATED)
        assert list(deviations(placing, bound(DEDICATED))) == []
        assert list(deviations(Placing(), Binding(cpus="0-3"))) == []

    def test_each_deviation_is_told(self) -> None:
        placing = Placing(
            topology=placed(DEDICATED).topology, pci=(PciGrant(alias="gpu", address="a"),)
        )
        found = Binding(pins={0: "4", 1: "0-3"}, devices=("b",))
        assert list(deviations(placing, found)) == [
            "CPU 1 is bound to 0-3, not to 5",
            "NUMA cell 0 is bound to none, not to 0",
            "PCI device a is missing",
            "PCI device b is not its own",
        ]
