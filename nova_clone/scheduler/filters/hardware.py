"""What filters see of a host's NUMA cells and PCI devices."""

from __future__ import annotations

import functools

from nova_clone.domain.pci.request import PciAlias, parse_aliases
from nova_clone.domain.placing import Space
from nova_clone.domain.resources import MEMORY_MB, VCPU
from nova_clone.domain.topology.fit import Limits
from nova_clone.domain.topology.host import HostTopology
from nova_clone.scheduler.snapshot import HostView


@functools.lru_cache(maxsize=4)
def aliases(texts: tuple[str, ...]) -> dict[str, PciAlias]:
    """Return what ``[pci] alias`` says, read once; raises `Invalid` when it cannot be."""
    return parse_aliases(texts)


def space(view: HostView) -> Space:
    """Return the host's cells and devices, with what servers have of them."""
    told = view.hardware
    return Space(
        topology=told.topology,
        used=view.record.numa_used,
        limits=Limits() if told.topology is None else _limits(view, told.topology),
        pci=told.pci,
        pci_used=frozenset(view.record.pci_used),
    )


def _limits(view: HostView, topology: HostTopology) -> Limits:
    """Return how far cells are overcommitted: as far as the host as a whole.

    What the host keeps for itself is not taken from its cells; Placement sees to it.
    """
    memory = sum(cell.memory_mb for cell in topology.cells)
    return Limits(cpu=_ratio(view, VCPU, topology.shared_cpus), ram=_ratio(view, MEMORY_MB, memory))


def _ratio(view: HostView, resource_class: str, there: int) -> float:
    capacity, _used = view.summary.resources.get(resource_class, (0, 0))
    return max(capacity / there, 1.0) if there else 1.0
