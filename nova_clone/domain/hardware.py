"""Cells and devices of a host, as the scheduler needs them."""

from __future__ import annotations

import dataclasses

from nova_clone.domain.pci.device import PciPool
from nova_clone.domain.topology.host import HostTopology


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hardware:
    """The NUMA cells of a host, when it tells of them, and the PCI devices that it offers."""

    topology: HostTopology | None = None
    pci: tuple[PciPool, ...] = ()


NOTHING_TOLD = Hardware()
