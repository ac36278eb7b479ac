"""What views of hosts tell of NUMA cells and PCI devices."""

from __future__ import annotations

import dataclasses

from nova_clone.contracts.hosts import HostFeed
from nova_clone.domain.hardware import NOTHING_TOLD, Hardware
from nova_clone.domain.topology.host import CellUse, HostCell, HostTopology
from nova_clone.scheduler.filters.hardware import space
from tests.unit.scheduler.test_snapshot import NAMES, Cloud, everything, record

CELLS = Hardware(topology=HostTopology(cells=(HostCell(id=0, shared="0-3", memory_mb=1024),)))
MORE = Hardware(topology=HostTopology(cells=(HostCell(id=0, shared="0-7", memory_mb=1024),)))


def told(hardware: str = "k1", **facts: object) -> HostFeed:
    records = tuple(
        dataclasses.replace(record(name), hardware=hardware if name == "a" else "", **facts)
        for name in NAMES
    )
    return dataclasses.replace(everything(), hosts=records, hardware={hardware: CELLS})


def test_views_know_the_hardware_of_their_hosts() -> None:
    cloud = Cloud(told())
    cloud.refresh()
    found = cloud.views()
    assert found["a"].hardware == CELLS
    assert found["b"].hardware == NOTHING_TOLD


def test_views_follow_what_changes() -> None:
    used = (CellUse(id=0, shared_cpus=1),)
    later = HostFeed(
        sequence=8,
        hosts=(dataclasses.replace(record("a"), hardware="k2", numa_used=used, pci_used=("x",)),),
        hardware={"k2": MORE},
    )
    cloud = Cloud(told(), later)
    cloud.refresh()
    cloud.views()
    cloud.refresh()
    found = space(cloud.views()["a"])
    assert (found.topology, found.used, found.pci_used) == (MORE.topology, used, {"x"})
