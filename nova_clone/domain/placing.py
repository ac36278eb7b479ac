"""Where on a host a server goes: NUMA cells, processors, pages and PCI devices together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from nova_clone.domain import memory_encryption
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.pci.device import PciPool
from nova_clone.domain.pci.fit import (
    PciGrant,
    PciSupply,
    by_card,
    devices_by_cell,
    fit_pci,
    pci_covers,
)
from nova_clone.domain.pci.request import PciAlias, PciRequest, affinity_policy, pci_requests
from nova_clone.domain.topology.fit import Limits, Misfit, Room, fit_topology, topology_fits
from nova_clone.domain.topology.guest import GuestTopology
from nova_clone.domain.topology.host import CellUse, HostTopology, TopologyFit
from nova_clone.domain.topology.request import requested_topology
from nova_clone.domain.topology.shape import cpu_shape

NO_DEVICES = Misfit("no such PCI devices are free")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Needs:
    """What a server needs of certain cells and devices of its host."""

    topology: GuestTopology | None = None
    pci: tuple[PciRequest, ...] = ()

    def __bool__(self) -> bool:
        return self.topology is not None or bool(self.pci)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Space:
    """A host's cells and devices, and what is taken of them."""

    topology: HostTopology | None = None
    used: Sequence[CellUse] = ()
    limits: Limits = dataclasses.field(default_factory=Limits)
    pci: tuple[PciPool, ...] = ()
    pci_used: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Placing:
    """Where on its host a server goes. It is kept with the server."""

    topology: TopologyFit | None = None
    pci: tuple[PciGrant, ...] = ()


def needs_of(
    flavor: Flavor, image_properties: Mapping[str, str], aliases: Mapping[str, PciAlias]
) -> Needs:
    """Return what a server needs; raises `Invalid` for what contradicts itself."""
    return Needs(
        topology=requested_topology(flavor, image_properties),
        pci=pci_requests(flavor, image_properties, aliases),
    )


def check_hardware(flavor: Flavor, image_properties: Mapping[str, str]) -> None:
    """Refuse, with `Invalid`, hardware that no host could give, whichever devices it has."""
    topology = requested_topology(flavor, image_properties)
    cells = 0 if topology is None else len(topology.cells)
    cpu_shape(flavor, image_properties, numa_cells=cells)
    affinity_policy(flavor, image_properties)
    memory_encryption.wanted(flavor, image_properties)


def place(space: Space, needs: Needs) -> Placing | Misfit:
    """Return where on the host a server goes, or why it does not. The same each time."""
    supply = _supply(space, needs.pci)
    cells: frozenset[int] | None = None
    fit: TopologyFit | None = None
    if needs.topology is not None:
        if space.topology is None:
            return Misfit("the host does not tell of its NUMA cells")
        found = fit_topology(_room(space, space.topology, needs, supply), needs.topology)
        if isinstance(found, Misfit):
            return found
        fit, cells = found, found.host_cells
    granted = fit_pci(supply, needs.pci, cells)
    return NO_DEVICES if granted is None else Placing(topology=fit, pci=granted)


def could_place(space: Space, needs: Needs) -> bool:
    """Tell whether `place` would find a place: cheaper, for a filter."""
    if needs.topology is None:
        return devices_fit(space, needs.pci)
    if space.topology is None:
        return False
    room = Room(host=space.topology, use=space.used, limits=space.limits)
    if not topology_fits(room, needs.topology):
        return False
    if not needs.pci:
        return True
    covers = pci_covers(_supply(space, needs.pci), needs.pci, most=len(needs.topology.cells))
    return topology_fits(dataclasses.replace(room, covers=covers), needs.topology)


def devices_fit(space: Space, requests: Sequence[PciRequest]) -> bool:
    """Tell whether a host has the devices, wherever they are."""
    return not requests or fit_pci(_supply(space, requests), requests, None) is not None


def _supply(space: Space, requests: Sequence[PciRequest]) -> PciSupply:
    apart = any(request.card is not None for request in requests)
    cells = () if space.topology is None else space.topology.cells
    return PciSupply(
        pools=by_card(space.pci) if apart else space.pci,
        used=space.pci_used,
        sockets={cell.id: cell.socket for cell in cells},
    )


def _room(space: Space, host: HostTopology, needs: Needs, supply: PciSupply) -> Room:
    room = Room(host=host, use=space.used, limits=space.limits)
    if not space.pci and not needs.pci:
        return room
    most = 0 if needs.topology is None else len(needs.topology.cells)
    return dataclasses.replace(
        room,
        covers=pci_covers(supply, needs.pci, most=most),
        devices=devices_by_cell(supply, needs.pci),
        wants_devices=bool(needs.pci),
    )


def taken_devices(placings: Iterable[Placing]) -> tuple[str, ...]:
    """Return the addresses of the devices that these servers have."""
    return tuple(sorted(grant.address for placing in placings for grant in placing.pci))
