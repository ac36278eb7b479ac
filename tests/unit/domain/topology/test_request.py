from __future__ import annotations

import pytest

from nova_clone.domain.errors import Invalid
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.topology.guest import (
    CpuPolicy,
    EmulatorPolicy,
    GuestCell,
    GuestTopology,
    PageChoice,
    ThreadPolicy,
)
from nova_clone.domain.topology.request import requested_topology
from nova_clone.domain.topology.shape import CpuShape, cpu_shape

DEDICATED = {"hw:cpu_policy": "dedicated"}
MIXED = {"hw:cpu_policy": "mixed"}
REALTIME = {**DEDICATED, "hw:cpu_realtime": "yes"}


def a_flavor(extra_specs: dict[str, str], vcpus: int = 4, ram: int = 4096) -> Flavor:
    return Flavor(id="f", name="f", vcpus=vcpus, ram=ram, disk=1, extra_specs=extra_specs)


def asked(extra_specs: dict[str, str], image: dict[str, str] | None = None) -> GuestTopology:
    found = requested_topology(a_flavor(extra_specs), image or {})
    assert found is not None
    return found


@pytest.mark.parametrize(
    "extra_specs",
    [
        {},
        {"hw:cpu_policy": "shared"},
        {"hw:emulator_threads_policy": "share"},
        {"hw:numa_cpus.0": "0-3", "hw:numa_mem.0": "4096"},
        {"hw:pci_numa_affinity_policy": "required"},
        {"hw:cpu_sockets": "2"},
        {"resources:VCPU": "4"},
        {"resources:PCPU": "0"},
        {"hw:cpu_realtime": "no"},
    ],
)
def test_a_server_without_wishes_floats(extra_specs: dict[str, str]) -> None:
    assert requested_topology(a_flavor(extra_specs), {}) is None


def test_cells_share_evenly() -> None:
    assert asked({"hw:numa_nodes": "2"}).cells == (
        GuestCell(id=0, memory_mb=2048, shared=frozenset({0, 1})),
        GuestCell(id=1, memory_mb=2048, shared=frozenset({2, 3})),
    )
    assert asked({}, {"hw_numa_nodes": "1"}).cells[0].shared == {0, 1, 2, 3}


def test_cells_may_be_told() -> None:
    told = {"hw:numa_nodes": "2", "hw:numa_cpus.0": "0", "hw:numa_cpus.1": "1-3"}
    memory = {"hw_numa_mem.0": "1024", "hw_numa_mem.1": "3072"}
    assert asked(told, memory).cells == (
        GuestCell(id=0, memory_mb=1024, shared=frozenset({0})),
        GuestCell(id=1, memory_mb=3072, shared=frozenset({1, 2, 3})),
    )


def test_dedicated_processors_make_one_cell() -> None:
    found = asked(DEDICATED)
    assert found.cells == (GuestCell(id=0, memory_mb=4096, dedicated=frozenset({0, 1, 2, 3})),)
    assert (found.dedicated_cpus, found.thread_policy) == (4, None)
    assert asked({"resources:PCPU": "4"}).cells == found.cells


def test_mixed_processors_are_split() -> None:
    found = asked({**MIXED, "hw:cpu_dedicated_mask": "^0", "hw:numa_nodes": "2"})
    assert [cell.dedicated for cell in found.cells] == [{1}, {2, 3}]
    assert [cell.shared for cell in found.cells] == [{0}, set()]
    by_realtime = asked({**MIXED, "hw:cpu_realtime": "on", "hw:cpu_realtime_mask": "2-3"})
    assert by_realtime.realtime == by_realtime.cells[0].dedicated == {2, 3}


def test_the_emulator_may_have_a_processor() -> None:
    found = asked({**DEDICATED, "hw:emulator_threads_policy": "isolate", "hw:numa_nodes": "2"})
    assert found.emulator_policy is EmulatorPolicy.ISOLATE
    assert found.dedicated_cpus == 5
    assert [found.extra_cpus(cell) for cell in found.cells] == [1, 0]


@pytest.mark.parametrize(
    ("value", "size", "choice"),
    [
        ("2048", 2048, None),
        ("2MB", 2048, None),
        ("2MiB", 2048, None),
        ("1GB", 1048576, None),
        ("16Mb", 2048, None),
        ("large", None, PageChoice.LARGE),
        ("Small", None, PageChoice.SMALL),
        ("any", None, PageChoice.ANY),
    ],
)
def test_pages_have_sizes(value: str, size: int | None, choice: PageChoice | None) -> None:
    found = asked({"hw:mem_page_size": value})
    assert (found.page_size_kb, found.page_choice) == (size, choice)
    assert len(found.cells) == 1


def test_an_image_chooses_within_the_flavor() -> None:
    assert asked({"hw:mem_page_size": "large"}, {"hw_mem_page_size": "2048"}).page_size_kb == 2048
    assert asked({}, {"hw_cpu_policy": "dedicated"}).cpu_policy is CpuPolicy.DEDICATED
    assert asked(DEDICATED, {"hw_cpu_policy": "shared"}).cpu_policy is CpuPolicy.DEDICATED
    isolating = {"hw_cpu_thread_policy": "isolate"}
    assert asked(DEDICATED, isolating).thread_policy is ThreadPolicy.ISOLATE
    masks = {**REALTIME, "hw:cpu_realtime_mask": "^0"}
    assert asked(masks, {"hw_cpu_realtime_mask": "^0-1"}).realtime == {2, 3}


def test_thread_traits_are_thread_policies() -> None:
    specs = {"resources:PCPU": "4", "trait:HW_CPU_HYPERTHREADING": "forbidden"}
    assert asked(specs).thread_policy is ThreadPolicy.ISOLATE


@pytest.mark.parametrize(
    ("extra_specs", "image"),
    [
        ({"hw:numa_nodes": "3"}, {}),
        ({"hw:numa_nodes": "0"}, {}),
        ({"hw:numa_nodes": "many"}, {}),
        ({"hw:numa_nodes": "2"}, {"hw_numa_nodes": "2"}),
        ({"hw:numa_nodes": "2", "hw:numa_cpus.0": "0-1"}, {}),
        ({"hw:numa_nodes": "1", "hw:numa_cpus.x": "0-1"}, {}),
        ({"hw:numa_nodes": "1", "hw:numa_cpus.0": "0-4", "hw:numa_mem.0": "4096"}, {}),
        ({"hw:numa_nodes": "1", "hw:numa_cpus.0": "0-2", "hw:numa_mem.0": "4096"}, {}),
        ({"hw:numa_nodes": "1", "hw:numa_cpus.0": "0-3", "hw:numa_mem.0": "4095"}, {}),
        ({"hw:numa_nodes": "1", "hw:numa_cpus.0": "0-3", "hw:numa_mem.0": "-1"}, {}),
        (
            {
                "hw:numa_nodes": "2",
                "hw:numa_cpus.0": "0-2",
                "hw:numa_mem.0": "2048",
                "hw:numa_cpus.1": "2-3",
                "hw:numa_mem.1": "2048",
            },
            {},
        ),
        ({"hw:numa_nodes": "1", "hw:numa_mem.0": "1"}, {"hw_numa_mem.0": "1"}),
        ({"hw:cpu_policy": "own"}, {}),
        ({"hw:cpu_policy": "shared"}, {"hw_cpu_policy": "dedicated"}),
        ({"hw:cpu_policy": "shared"}, {"hw_cpu_policy": "mixed"}),
        ({**MIXED, "hw:cpu_dedicated_mask": "0"}, {"hw_cpu_policy": "dedicated"}),
        ({"hw:cpu_policy": "shared", "hw:cpu_thread_policy": "prefer"}, {}),
        ({**DEDICATED, "hw:cpu_thread_policy": "prefer"}, {"hw_cpu_thread_policy": "require"}),
        ({**DEDICATED, "resources:PCPU": "4"}, {}),
        ({"resources:VCPU": "4"}, {"hw_cpu_policy": "dedicated"}),
        ({"resources:PCPU": "2", "resources:VCPU": "2"}, {}),
        ({"resources:PCPU": "3"}, {}),
        ({"resources:PCPU": "x"}, {}),
        ({**DEDICATED, "hw:cpu_dedicated_mask": "0"}, {}),
        (MIXED, {}),
        ({**MIXED, "hw:cpu_dedicated_mask": "0-3"}, {}),
        ({**MIXED, "hw:cpu_dedicated_mask": "4"}, {}),
        ({**MIXED, "hw:cpu_dedicated_mask": "^0-3"}, {}),
        (
            {
                **MIXED,
                "hw:cpu_dedicated_mask": "0",
                "hw:cpu_realtime": "1",
                "hw:cpu_realtime_mask": "0",
            },
            {},
        ),
        ({"hw:emulator_threads_policy": "isolate"}, {}),
        ({**DEDICATED, "hw:emulator_threads_policy": "elsewhere"}, {}),
        ({"hw:cpu_realtime": "yes", "hw:cpu_realtime_mask": "^0"}, {}),
        (REALTIME, {}),
        ({**REALTIME, "hw:cpu_realtime_mask": "^0-3"}, {}),
        ({**REALTIME, "hw:cpu_realtime_mask": "2-9"}, {}),
        ({**DEDICATED, "hw:cpu_realtime": "perhaps"}, {}),
        ({"hw:mem_page_size": "huge"}, {}),
        ({"hw:mem_page_size": "0"}, {}),
        ({"hw:mem_page_size": "3MB"}, {}),
        ({"hw:mem_page_size": "small"}, {"hw_mem_page_size": "large"}),
        ({"hw:mem_page_size": "2048"}, {"hw_mem_page_size": "2048"}),
        ({}, {"hw_mem_page_size": "large"}),
        ({"hw:locked_memory": "true"}, {}),
        ({"hw:locked_memory": "true", "hw:mem_page_size": "any"}, {"hw_locked_memory": "false"}),
    ],
)
def test_what_contradicts_itself_is_refused(
    extra_specs: dict[str, str], image: dict[str, str]
) -> None:
    with pytest.raises(Invalid):
        requested_topology(a_flavor(extra_specs), image)


def test_more_processors_than_can_be_told_apart_are_refused() -> None:
    with pytest.raises(Invalid):
        requested_topology(a_flavor(DEDICATED, vcpus=2**31), {})
    with pytest.raises(Invalid):
        cpu_shape(a_flavor({}, vcpus=2**31), {})


@pytest.mark.parametrize(
    ("extra_specs", "image", "cells", "shape"),
    [
        ({}, {}, 0, (8, 1, 1)),
        ({}, {}, 2, (2, 4, 1)),
        ({"hw:cpu_sockets": "2"}, {}, 0, (2, 4, 1)),
        ({"hw:cpu_threads": "2"}, {}, 0, (4, 1, 2)),
        ({"hw:cpu_max_sockets": "1"}, {}, 0, (1, 8, 1)),
        ({"hw:cpu_max_sockets": "2"}, {"hw_cpu_max_sockets": "1"}, 0, (1, 8, 1)),
        ({}, {"hw_cpu_cores": "2", "hw_cpu_threads": "2"}, 0, (2, 2, 2)),
        ({"hw:cpu_sockets": "4"}, {"hw_cpu_cores": "8"}, 0, (4, 2, 1)),
    ],
)
def test_processors_have_a_shape(
    extra_specs: dict[str, str], image: dict[str, str], cells: int, shape: tuple[int, int, int]
) -> None:
    found = cpu_shape(a_flavor(extra_specs, vcpus=8), image, numa_cells=cells)
    assert found == CpuShape(sockets=shape[0], cores=shape[1], threads=shape[2])


@pytest.mark.parametrize(
    ("extra_specs", "image"),
    [
        ({"hw:cpu_sockets": "3"}, {}),
        ({"hw:cpu_sockets": "2", "hw:cpu_cores": "2", "hw:cpu_threads": "1"}, {}),
        ({"hw:cpu_max_sockets": "1", "hw:cpu_max_cores": "4", "hw:cpu_max_threads": "1"}, {}),
        ({"hw:cpu_max_cores": "2"}, {"hw_cpu_max_cores": "4"}),
        ({"hw:cpu_max_cores": "2"}, {"hw_cpu_cores": "4"}),
        ({"hw:cpu_threads": "none"}, {}),
    ],
)
def test_an_impossible_shape_is_refused(extra_specs: dict[str, str], image: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        cpu_shape(a_flavor(extra_specs, vcpus=8), image)
