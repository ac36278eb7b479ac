"""What of its host a guest is held to, now that it has a place there."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from nova_clone.domain.errors import TryElsewhere
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.placing import Placing
from nova_clone.domain.topology.cpuset import format_cpuset, parse_cpuset
from nova_clone.domain.topology.guest import EmulatorPolicy, GuestTopology
from nova_clone.domain.topology.host import CellFit, HostCell, HostTopology, TopologyFit, cpus
from nova_clone.domain.topology.request import requested_topology


@dataclasses.dataclass(frozen=True, kw_only=True)
class Binding:
    """What of its host a guest may use. Sets of processors or cells are texts such as ``0-3,8``.

    ``cpus`` are the host's for whatever has no pin, "" for all; ``pins`` maps the guest's
    processors to the host's, ``emulator`` are the host's for the emulator's own threads,
    ``realtime`` the guest's with real-time priority. ``cells`` maps the guest's NUMA cells to
    those of the host that their memory is on, ``pages`` to the size in KiB of their huge
    pages. ``devices`` are the addresses of PCI devices, in ascending order.
    """

    cpus: str = ""
    pins: Mapping[int, str] = dataclasses.field(default_factory=dict)
    emulator: str = ""
    realtime: str = ""
    cells: Mapping[int, str] = dataclasses.field(default_factory=dict)
    pages: Mapping[int, int] = dataclasses.field(default_factory=dict)
    devices: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ground:
    """What binding depends on of a host: its cells, and the shared processors it configures."""

    topology: HostTopology | None = None
    shared: frozenset[int] = frozenset()


def bind(
    placing: Placing, ground: Ground, flavor: Flavor, image_properties: Mapping[str, str]
) -> Binding:
    """Return what a server is held to on a host.

    Raises `TryElsewhere` when its place is on cells that the host does not have, `Invalid`
    for wishes that contradict themselves.
    """
    devices = tuple(sorted(grant.address for grant in placing.pci))
    if placing.topology is None:
        return Binding(cpus=format_cpuset(ground.shared), devices=devices)
    wanted = requested_topology(flavor, image_properties) or GuestTopology(cells=())
    places = _places(placing.topology, ground.topology)
    pins = {guest: cpuset for place in places for guest, cpuset in _pins(*place)}
    return Binding(
        pins=dict(sorted(pins.items())),
        emulator=_emulator(placing.topology, pins, wanted, ground.shared),
        realtime=format_cpuset(wanted.realtime),
        cells={fit.guest_cell: str(fit.host_cell) for fit, _cell in places},
        pages={
            fit.guest_cell: fit.page_size_kb
            for fit, cell in places
            if fit.page_size_kb is not None and fit.page_size_kb != cell.small_page_kb
        },
        devices=devices,
    )


def _places(fit: TopologyFit, host: HostTopology | None) -> list[tuple[CellFit, HostCell]]:
    there = {} if host is None else {cell.id: cell for cell in host.cells}
    missing = sorted(fit.host_cells - there.keys())
    if missing:
        raise TryElsewhere(f"The host has no NUMA cell {missing[0]} any more.")
    return [(each, there[each.host_cell]) for each in fit.cells]


def _pins(fit: CellFit, cell: HostCell) -> Iterator[tuple[int, str]]:
    floating = parse_cpuset(fit.shared)
    if floating and not cpus(cell.shared):
        raise TryElsewhere(f"NUMA cell {cell.id} of the host has no shared CPUs any more.")
    for guest in floating:
        yield guest, format_cpuset(cpus(cell.shared))
    for guest, own in fit.pinning.items():
        yield guest, str(own)


def _emulator(
    fit: TopologyFit, pins: Mapping[int, str], wanted: GuestTopology, shared: frozenset[int]
) -> str:
    isolated = [cell.emulator for cell in fit.cells if cell.emulator is not None]
    if isolated:
        return format_cpuset(isolated)
    if wanted.emulator_policy is EmulatorPolicy.SHARE and shared:
        return format_cpuset(shared)
    # Whatever the emulator does must not delay what is done in real time.
    beside = [pin for guest, pin in pins.items() if guest not in wanted.realtime]
    return format_cpuset(cpu for pin in beside or pins.values() for cpu in cpus(pin))


def deviations(placing: Placing, binding: Binding) -> Iterator[str]:
    """Yield how a guest is bound otherwise than to the place that is kept for it."""
    for cell in () if placing.topology is None else placing.topology.cells:
        for guest, own in cell.pinning.items():
            found = binding.pins.get(guest, "")
            if found != str(own):
                yield f"CPU {guest} is bound to {found or 'none'}, not to {own}"
        there = binding.cells.get(cell.guest_cell, "")
        if there != str(cell.host_cell):
            told = there or "none"
            yield f"NUMA cell {cell.guest_cell} is bound to {told}, not to {cell.host_cell}"
    kept = {grant.address for grant in placing.pci}
    for address in sorted(kept.symmetric_difference(binding.devices)):
        yield f"PCI device {address} is {'missing' if address in kept else 'not its own'}"
