"""Filters that look at NUMA cells and PCI devices."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from nova_clone.domain.errors import Invalid
from nova_clone.domain.hardware import Hardware
from nova_clone.domain.pci.device import PciPool
from nova_clone.domain.topology.host import HostCell, HostTopology, PagePool
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView
from tests.unit.scheduler.filters.judging import concerned, passes
from tests.unit.scheduler.hosts import host, request

NUMA = "NUMATopologyFilter"
PCI = "PciPassthroughFilter"
SETTINGS = SchedulerSettings(pci_aliases=('{"name": "gpu", "vendor_id": "10de"}',))
CELLS = tuple(
    HostCell(
        id=number,
        socket=number,
        shared=f"{number * 8}-{number * 8 + 3}",
        dedicated=f"{number * 8 + 4}-{number * 8 + 7}",
        memory_mb=4096,
        pages=(PagePool(size_kb=4, total=786432), PagePool(size_kb=2048, total=512)),
    )
    for number in (0, 1)
)
GPU = PciPool(vendor_id="10de", product_id="20b0", numa_node=1, addresses=("0000:41:00.0",))
DEDICATED = {"hw:cpu_policy": "dedicated"}
ON_TWO_CELLS = {"hw:numa_nodes": "2"}
WITH_GPU = {"pci_passthrough:alias": "gpu:1"}
REQUIRED = {"hw:pci_numa_affinity_policy": "required"}


def a_host(*, cells: tuple[HostCell, ...] = CELLS, **facts: Any) -> HostView:
    hardware = Hardware(topology=HostTopology(cells=cells), pci=(GPU,))
    return dataclasses.replace(host(**facts), hardware=hardware)


def wanting(extra_specs: dict[str, str], *, vcpus: int = 4, ram: int = 512) -> Any:
    spec = request(extra_specs=extra_specs)
    return dataclasses.replace(spec, flavor=dataclasses.replace(spec.flavor, vcpus=vcpus, ram=ram))


@pytest.mark.parametrize(
    ("spec", "fit"),
    [
        (wanting(DEDICATED), True),
        (wanting(DEDICATED, vcpus=5), False),
        (wanting({**DEDICATED, **ON_TWO_CELLS}, vcpus=8), True),
        (wanting({"hw:numa_nodes": "4"}), False),
        (wanting({"hw:mem_page_size": "large"}, ram=1024), True),
        (wanting({"hw:mem_page_size": "large"}, ram=1026), False),
        (wanting({**ON_TWO_CELLS, "hw:mem_page_size": "2MB"}, ram=2048), True),
        (wanting({"hw:mem_page_size": "1GB"}, ram=1024), False),
        (wanting({**DEDICATED, "hw:cpu_thread_policy": "require"}), False),
        (wanting({**ON_TWO_CELLS, **WITH_GPU, **REQUIRED}), True),
        (wanting({**ON_TWO_CELLS, "pci_passthrough:alias": "gpu:2"}), False),
    ],
)
def test_servers_must_fit_the_cells(spec: Any, fit: bool) -> None:
    assert passes(NUMA, a_host(), spec, SETTINGS) is fit


def test_devices_must_be_near() -> None:
    far = a_host(cells=(CELLS[0], dataclasses.replace(CELLS[1], dedicated="")))
    near = a_host()
    for policy, fit in (("required", False), ("legacy", False), ("preferred", True)):
        spec = wanting({**DEDICATED, **WITH_GPU, "hw:pci_numa_affinity_policy": policy})
        assert passes(NUMA, far, spec, SETTINGS) is fit
        assert passes(NUMA, near, spec, SETTINGS)
        assert passes(PCI, far, spec, SETTINGS)


def test_devices_must_be_there() -> None:
    assert passes(PCI, a_host(), wanting(WITH_GPU), SETTINGS)
    assert not passes(PCI, host(), wanting(WITH_GPU), SETTINGS)
    assert not passes(PCI, a_host(), wanting({"pci_passthrough:alias": "gpu:2"}), SETTINGS)


def test_servers_without_wishes_go_anywhere() -> None:
    assert not concerned(NUMA, wanting({}), SETTINGS)
    assert not concerned(NUMA, wanting(WITH_GPU), SETTINGS)
    assert not concerned(PCI, wanting(DEDICATED), SETTINGS)


def test_hosts_that_tell_nothing_get_no_server_with_wishes() -> None:
    assert not passes(NUMA, host(), wanting(ON_TWO_CELLS), SETTINGS)


def test_cells_are_overcommitted_as_their_host() -> None:
    spec = wanting({"hw:numa_nodes": "1"}, vcpus=2, ram=3072)
    assert passes(NUMA, a_host(vcpus=(8, 0), ram=(8192, 0)), spec)
    assert passes(NUMA, a_host(vcpus=(128, 0), ram=(16384, 0)), spec)
    # No server may be larger than a cell, however the host is overcommitted.
    larger = wanting({"hw:numa_nodes": "1"}, vcpus=2, ram=3074)
    assert not passes(NUMA, a_host(vcpus=(128, 0), ram=(16384, 0)), larger)


def test_requests_that_contradict_themselves_are_refused() -> None:
    for extra_specs in ({"hw:numa_nodes": "3"}, {"pci_passthrough:alias": "fpga:1"}):
        with pytest.raises(Invalid):
            concerned(NUMA, wanting(extra_specs), SETTINGS)
