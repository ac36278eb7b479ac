"""Whether a guest's cells fit a host's, and how."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from nova_clone.domain.topology.cpuset import format_cpuset
from nova_clone.domain.topology.guest import GuestCell, GuestTopology, PageChoice
from nova_clone.domain.topology.host import (
    CellFit,
    CellLayout,
    CellUse,
    HostCell,
    HostTopology,
    PagePool,
    TopologyFit,
    cpus,
    layout,
)
from nova_clone.domain.topology.matching import first_matching, has_matching
from nova_clone.domain.topology.pinning import choose_cpus, enough_cpus

#: Any host cells will do.
ANYWHERE: tuple[frozenset[int], ...] = (frozenset(),)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """How far shared processors and ordinary memory of a cell may be overcommitted."""

    cpu: float = 1.0
    ram: float = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Room:
    """A host with what is taken of it.

    ``covers`` lists sets of host cells of which the guest must be on one as a whole, for
    devices there; ``devices`` counts the free devices that it could use, by cell.
    """

    host: HostTopology
    use: Sequence[CellUse] = ()
    limits: Limits = dataclasses.field(default_factory=Limits)
    covers: Sequence[frozenset[int]] = ANYWHERE
    devices: Mapping[int, int] = dataclasses.field(default_factory=dict)
    wants_devices: bool = False


@dataclasses.dataclass(frozen=True)
class Misfit:
    """Why a guest does not fit."""

    reason: str


def fit_topology(room: Room, guest: GuestTopology) -> TopologyFit | Misfit:
    """Return where each cell of the guest goes, or why it does not fit.

    Each guest cell gets a host cell of its own. Host cells are tried in the order that
    the host's strategy wants, the first guest cell first. The answer is the same each time.
    """
    if len(guest.cells) > len(room.host.cells):
        return Misfit(
            f"{len(guest.cells)} NUMA cells are needed, the host has {len(room.host.cells)}"
        )
    edges, reasons = _edges(room, guest)
    for number, cell in enumerate(guest.cells):
        if not edges[number]:
            return Misfit(f"guest cell {cell.id}: {'; '.join(reasons[number])}")
    chosen = first_matching({number: list(found) for number, found in edges.items()}, room.covers)
    if chosen is None:
        return Misfit(_contention(room, edges))
    return TopologyFit(cells=tuple(edges[number][chosen[number]] for number in sorted(chosen)))


def topology_fits(room: Room, guest: GuestTopology) -> bool:
    """Tell whether `fit_topology` would find a place: cheaper, for a filter."""
    if len(guest.cells) > len(room.host.cells):
        return False
    use = {cell.id: cell for cell in room.use}
    places = [_place(cell, use, room.limits) for cell in room.host.cells]
    admitting: dict[tuple[int, int, int], list[int]] = {}
    edges: dict[int, list[int]] = {}
    for number, cell in enumerate(guest.cells):
        # Cells that ask for the same are looked at once.
        demand = (len(cell.shared), len(cell.dedicated) + guest.extra_cpus(cell), cell.memory_mb)
        if demand not in admitting:
            admitting[demand] = [place.cell.id for place in places if _admits(place, guest, demand)]
        if not admitting[demand]:
            return False
        edges[number] = admitting[demand]
    return has_matching(edges, room.covers)


def _admits(place: _Place, guest: GuestTopology, demand: tuple[int, int, int]) -> bool:
    shared, dedicated, memory_mb = demand
    return (
        _too_few_shared(place, shared) is None
        and enough_cpus(place.processors, place.free, dedicated, guest.thread_policy)
        and isinstance(_page_size(place, guest, memory_mb), int)
    )


def _contention(room: Room, edges: Mapping[int, Mapping[int, CellFit]]) -> str:
    free = {number: list(found) for number, found in edges.items()}
    if has_matching(free, ANYWHERE):
        return "no choice of NUMA cells is near to the PCI devices"
    return "each guest cell fits somewhere, but not all at once"


def _edges(
    room: Room, guest: GuestTopology
) -> tuple[dict[int, dict[int, CellFit]], dict[int, list[str]]]:
    """Return by guest cell where it could go, best first, and why it could not elsewhere."""
    use = {cell.id: cell for cell in room.use}
    hosts = _in_order(room, use, guest)
    places = {host.id: _place(host, use, room.limits) for host in hosts}
    edges: dict[int, dict[int, CellFit]] = {}
    reasons: dict[int, list[str]] = {}
    for number, cell in enumerate(guest.cells):
        edges[number], reasons[number] = {}, []
        for host in hosts:
            found = _cell_fit(places[host.id], guest, cell)
            if isinstance(found, CellFit):
                edges[number][host.id] = found
            else:
                reasons[number].append(f"host cell {host.id} has {found}")
    return edges, reasons


def _in_order(room: Room, use: Mapping[int, CellUse], guest: GuestTopology) -> list[HostCell]:
    """Return the host's cells, the ones to try first at the front.

    Devices count most, then processors, then memory.
    """
    sign = 1 if room.host.pack else -1
    towards_devices = -1 if room.wants_devices else 1

    def rank(cell: HostCell) -> tuple[int, int, int]:
        taken = use.get(cell.id) or CellUse(id=cell.id)
        if guest.dedicated_cpus:
            free = len(layout(cell).dedicated - cpus(taken.pinned))
        else:
            free = -taken.shared_cpus
        memory = cell.ordinary_mb - _ordinary_use(cell, taken)
        return (towards_devices * room.devices.get(cell.id, 0), sign * free, sign * memory)

    return sorted(room.host.cells, key=rank)


@dataclasses.dataclass(frozen=True)
class _Place:
    """A host cell as it is now; ``free`` are processors that are nobody's."""

    cell: HostCell
    use: CellUse
    limits: Limits
    processors: CellLayout
    free: frozenset[int]


def _place(cell: HostCell, use: Mapping[int, CellUse], limits: Limits) -> _Place:
    taken = use.get(cell.id) or CellUse(id=cell.id)
    processors = layout(cell)
    return _Place(cell, taken, limits, processors, processors.dedicated - cpus(taken.pinned))


def _cell_fit(place: _Place, guest: GuestTopology, cell: GuestCell) -> CellFit | str:
    """Return how a guest cell fits a host cell, or what there is too little of."""
    few = _too_few_shared(place, len(cell.shared))
    if few:
        return few
    own = len(cell.dedicated)
    extra = guest.extra_cpus(cell)
    chosen = choose_cpus(place.processors, place.free, own + extra, guest.thread_policy)
    if chosen is None:
        policy = guest.thread_policy
        wanted = f"{own + extra}" + (f" as {policy.value} wants them" if policy else "")
        return f"{len(place.free)} free dedicated CPUs, {wanted} are needed"
    size = _page_size(place, guest, cell.memory_mb)
    if isinstance(size, str):
        return size
    return CellFit(
        guest_cell=cell.id,
        host_cell=place.cell.id,
        shared=format_cpuset(cell.shared),
        pinning=dict(zip(sorted(cell.dedicated), chosen.cpus, strict=False)),
        emulator=chosen.cpus[own] if extra else None,
        kept_free=format_cpuset(chosen.kept_free),
        memory_mb=cell.memory_mb,
        page_size_kb=size or None,
    )


def _too_few_shared(place: _Place, wanted: int) -> str | None:
    there = len(place.processors.shared)
    # A guest never overcommits against itself.
    room = min(there, int(there * place.limits.cpu) - place.use.shared_cpus)
    if wanted and wanted > room:
        return f"room for {max(room, 0)} shared CPUs, {wanted} are needed"
    return None


def _page_size(place: _Place, guest: GuestTopology, memory_mb: int) -> int | str:
    """Return the size of pages in KiB, 0 for ordinary memory that nobody asked a size of."""
    if guest.page_size_kb is None and guest.page_choice is None:
        free = _free_ordinary(place)
        return 0 if memory_mb <= free else _short(free, memory_mb, None)
    tried = [(pool, _free_mb(place, pool)) for pool in _eligible(place.cell, guest)]
    for pool, free in tried:
        if memory_mb * 1024 % pool.size_kb == 0 and memory_mb <= free:
            return pool.size_kb
    if not tried:
        return f"no pages of the size {guest.page_size_kb or 'large'}"
    pool, free = max(tried, key=lambda each: each[1])
    return _short(free, memory_mb, pool.size_kb)


def _short(free: int, wanted: int, size: int | None) -> str:
    pages = f" in pages of {size} KB" if size else ""
    return f"{max(free, 0)} MB of free memory{pages}, {wanted} are needed"


def _eligible(cell: HostCell, guest: GuestTopology) -> Iterator[PagePool]:
    """Yield the pools that the guest may use, in the order in which it wants them."""
    small = cell.small_page_kb
    for pool in sorted(cell.pages, key=lambda pool: -pool.size_kb):
        if guest.page_size_kb is not None:
            wanted = pool.size_kb == guest.page_size_kb
        elif guest.page_choice is PageChoice.SMALL:
            wanted = pool.size_kb == small
        else:
            wanted = guest.page_choice is PageChoice.ANY or pool.size_kb != small
        if wanted:
            yield pool


def _free_mb(place: _Place, pool: PagePool) -> int:
    if pool.size_kb == place.cell.small_page_kb:
        return _free_ordinary(place)
    used = place.use.pages.get(pool.size_kb, 0)
    return (pool.total - pool.reserved - used) * pool.size_kb // 1024


def _free_ordinary(place: _Place) -> int:
    there = place.cell.ordinary_mb
    return min(there, int(there * place.limits.ram) - _ordinary_use(place.cell, place.use))


def _ordinary_use(cell: HostCell, use: CellUse) -> int:
    small = cell.small_page_kb
    return use.memory_mb + (use.pages.get(small, 0) * small // 1024 if small else 0)
