"""The topology of a host, and what of it is taken.

Sets of processors travel as text (``0-3,8``): short on the wire, and the same text is
parsed once for all hosts of a kind.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping

from nova_clone.domain.topology.cpuset import format_cpuset, parse_cpuset


@dataclasses.dataclass(frozen=True, kw_only=True)
class PagePool:
    """Pages of one size (in KiB) of a cell; ``reserved`` ones are not for servers."""

    size_kb: int
    total: int
    reserved: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostCell:
    """One NUMA cell of a host; memory in MiB.

    ``shared`` and ``dedicated`` are the processors for servers without and with processors
    of their own. ``cores`` lists the threads of each core, cores separated by blanks
    (``0,4 1,5``); a processor that is in none is a core by itself. The smallest page size
    stands for ordinary memory.
    """

    id: int
    socket: int | None = None
    shared: str = ""
    dedicated: str = ""
    cores: str = ""
    memory_mb: int = 0
    pages: tuple[PagePool, ...] = ()

    @property
    def small_page_kb(self) -> int | None:
        """Return the size of ordinary pages; ``None`` when the host does not tell."""
        return min((pool.size_kb for pool in self.pages), default=None)

    @property
    def ordinary_mb(self) -> int:
        """Return the memory that is not set aside as huge pages."""
        small = self.small_page_kb
        if small is None:
            return self.memory_mb
        pages = sum(pool.total - pool.reserved for pool in self.pages if pool.size_kb == small)
        return pages * small // 1024


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostTopology:
    """Every cell of a host. ``pack`` fills one cell before the next is begun."""

    cells: tuple[HostCell, ...]
    pack: bool = False

    @property
    def shared_cpus(self) -> int:
        """Return how many processors serve servers without any of their own."""
        return sum(len(layout(cell).shared) for cell in self.cells)

    @property
    def dedicated_cpus(self) -> int:
        """Return how many processors may become somebody's own."""
        return sum(len(layout(cell).dedicated) for cell in self.cells)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CellLayout:
    """The processors of a host cell, ready for arithmetic; ``cores`` in ascending order."""

    shared: frozenset[int]
    dedicated: frozenset[int]
    cores: tuple[frozenset[int], ...]

    @property
    def threaded(self) -> bool:
        """Tell whether cores have several threads."""
        return any(len(core) > 1 for core in self.cores)


@functools.lru_cache(maxsize=16_384)
def cpus(text: str) -> frozenset[int]:
    """Return the processors of a record's text, parsed once for all that say the same."""
    return parse_cpuset(text)


@functools.lru_cache(maxsize=1024)
def _layout(shared: str, dedicated: str, cores: str) -> CellLayout:
    told = [parse_cpuset(core) for core in cores.split()]
    ours = parse_cpuset(shared), parse_cpuset(dedicated)
    alone = (ours[0] | ours[1]).difference(*told)
    groups = [*told, *(frozenset({cpu}) for cpu in alone)]
    return CellLayout(
        shared=ours[0],
        dedicated=ours[1],
        cores=tuple(sorted(filter(None, groups), key=min)),
    )


def layout(cell: HostCell) -> CellLayout:
    """Return the processors of a cell. Raises `Invalid` for texts that are no sets."""
    return _layout(cell.shared, cell.dedicated, cell.cores)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CellUse:
    """What servers with a topology take of one host cell.

    ``pinned`` are processors that are somebody's own or kept free for somebody,
    ``shared_cpus`` counts guest processors on shared ones, ``memory_mb`` is memory that no
    page size was asked for, ``pages`` counts pages by their size in KiB.
    """

    id: int
    pinned: str = ""
    shared_cpus: int = 0
    memory_mb: int = 0
    pages: Mapping[int, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CellFit:
    """Where one guest cell goes: the host's cell, its processors, its pages.

    ``pinning`` maps the guest's dedicated processors to the host's; ``emulator`` is the
    host processor of the emulator's threads; ``kept_free`` are threads that nobody may get.
    """

    guest_cell: int
    host_cell: int
    shared: str = ""
    pinning: Mapping[int, int] = dataclasses.field(default_factory=dict)
    emulator: int | None = None
    kept_free: str = ""
    memory_mb: int = 0
    page_size_kb: int | None = None

    @property
    def taken(self) -> frozenset[int]:
        """Return the host processors that are nobody else's from now on."""
        emulator = () if self.emulator is None else (self.emulator,)
        return frozenset(self.pinning.values()).union(emulator, parse_cpuset(self.kept_free))


@dataclasses.dataclass(frozen=True, kw_only=True)
class TopologyFit:
    """Where every cell of a guest goes."""

    cells: tuple[CellFit, ...] = ()

    @property
    def host_cells(self) -> frozenset[int]:
        """Return the host cells that the guest is on."""
        return frozenset(cell.host_cell for cell in self.cells)


def usage(fits: Iterable[TopologyFit]) -> tuple[CellUse, ...]:
    """Return what these servers take together, by host cell."""
    by_cell: dict[int, list[CellFit]] = {}
    for fit in fits:
        for cell in fit.cells:
            by_cell.setdefault(cell.host_cell, []).append(cell)
    return tuple(_sum(number, by_cell[number]) for number in sorted(by_cell))


def _sum(number: int, fits: list[CellFit]) -> CellUse:
    pages: dict[int, int] = {}
    for fit in fits:
        if fit.page_size_kb is not None:
            count = fit.memory_mb * 1024 // fit.page_size_kb
            pages[fit.page_size_kb] = pages.get(fit.page_size_kb, 0) + count
    return CellUse(
        id=number,
        pinned=format_cpuset(cpu for fit in fits for cpu in fit.taken),
        shared_cpus=sum(len(parse_cpuset(fit.shared)) for fit in fits),
        memory_mb=sum(fit.memory_mb for fit in fits if fit.page_size_kb is None),
        pages=pages,
    )
