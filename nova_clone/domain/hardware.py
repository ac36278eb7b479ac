"""Cells and devices of a host, as the scheduler needs them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from nova_clone.domain.pci.device import PciPool
from nova_clone.domain.topology.host import HostTopology


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hardware:
    """The NUMA cells of a host, when it tells of them, and the PCI devices that it offers."""

    topology: HostTopology | None = None
    pci: tuple[PciPool, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class MediatedParent:
    """A device that can be split into mediated devices, such as virtual GPUs.

    ``name`` is the hypervisor's, such as ``pci_0000_06_00_0``; ``types`` tells how many
    devices of a type there are and could be, together.
    """

    name: str
    address: str
    types: Mapping[str, int] = dataclasses.field(default_factory=dict)


NOTHING_TOLD = Hardware()
