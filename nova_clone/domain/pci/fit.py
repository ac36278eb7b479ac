"""Which devices of a host a server gets, given the NUMA cells that it is on."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from nova_clone.domain.pci.device import PF, PciPool
from nova_clone.domain.pci.request import DeviceWish, PciPolicy, PciRequest

#: How many sets of NUMA cells are looked at one by one: all of them up to 12 cells.
MAX_COVERS = 4096


@dataclasses.dataclass(frozen=True, kw_only=True)
class PciSupply:
    """The devices that a host offers, the addresses in use, and each cell's socket."""

    pools: tuple[PciPool, ...] = ()
    used: frozenset[str] = frozenset()
    sockets: Mapping[int, int | None] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PciGrant:
    """One device for a server."""

    alias: str
    address: str
    numa_node: int | None = None


def fit_pci(
    supply: PciSupply, requests: Sequence[PciRequest], cells: frozenset[int] | None
) -> tuple[PciGrant, ...] | None:
    """Return devices for every request, or ``None``. The answer is the same each time.

    ``cells`` are the host's NUMA cells that the server is on; ``None`` for a server that
    floats over all, which is near to every device.
    """
    return _solve(supply, requests, cells, _free(supply))


def pci_covers(
    supply: PciSupply, requests: Sequence[PciRequest], *, most: int
) -> tuple[frozenset[int], ...]:
    """Return the smallest sets of host cells of which a server must be on one as a whole.

    ``most`` is how many cells the server will be on. An empty set means that any cells
    will do; no set, that none will. On hosts with more than 12 cells near to devices some
    larger sets are not looked at: a place may then be missed, never one be found that is none.
    """
    near = sorted(_near_cells(supply, requests))
    if fit_pci(supply, requests, frozenset(near)) is None:
        return ()
    found: list[frozenset[int]] = []
    looked_at = 0
    most = min(most, len(near), sum(request.count for request in requests))
    for size in range(most + 1):
        looked_at += math.comb(len(near), size)
        if looked_at > MAX_COVERS and size > 1:
            found.extend(_some_covers(supply, requests, near, most))
            break
        for chosen in itertools.combinations(near, size):
            cells = frozenset(chosen)
            known = any(smaller <= cells for smaller in found)
            if not known and fit_pci(supply, requests, cells) is not None:
                found.append(cells)
    return tuple(found)


def _some_covers(
    supply: PciSupply, requests: Sequence[PciRequest], near: list[int], most: int
) -> Iterator[frozenset[int]]:
    """Yield a few sets from which no cell can be spared, each begun at another cell."""
    for start in range(0, len(near), -(-len(near) // 4)):
        cells = frozenset(near)
        for cell in (*near[start:], *near[:start]):
            fewer = cells - {cell}
            if fit_pci(supply, requests, fewer) is not None:
                cells = fewer
        if len(cells) <= most:
            yield cells


def devices_by_cell(supply: PciSupply, requests: Sequence[PciRequest]) -> dict[int, int]:
    """Return how many free devices each cell has: wanted ones, or any when none is wanted."""
    counts: dict[int, int] = {}
    for pool, free in _free(supply):
        wanted = not requests or any(_is_wanted(pool, request) for request in requests)
        if pool.numa_node is not None and wanted:
            counts[pool.numa_node] = counts.get(pool.numa_node, 0) + len(free)
    return counts


def _free(supply: PciSupply) -> list[tuple[PciPool, tuple[str, ...]]]:
    """Return the free addresses of each pool; a card and its functions exclude each other."""
    cards = {
        pool.parent
        for pool in supply.pools
        if pool.parent is not None and not supply.used.isdisjoint(pool.addresses)
    }
    found = []
    for pool in supply.pools:
        gone = supply.used | cards
        taken = pool.parent is not None and pool.parent in supply.used
        free = () if taken else tuple(each for each in pool.addresses if each not in gone)
        if free:
            found.append((pool, free))
    return found


def _near_cells(supply: PciSupply, requests: Sequence[PciRequest]) -> set[int]:
    """Return the cells that can matter to a request."""
    near = set()
    for request in requests:
        if request.policy is PciPolicy.PREFERRED:
            continue
        for pool, _addresses in _free(supply):
            if pool.numa_node is not None and _is_wanted(pool, request):
                near |= _same_socket(supply, pool.numa_node, request.policy)
    return near


def _same_socket(supply: PciSupply, node: int, policy: PciPolicy) -> set[int]:
    socket = supply.sockets.get(node)
    if policy is not PciPolicy.SOCKET or socket is None:
        return {node}
    return {cell for cell, found in supply.sockets.items() if found == socket}


def by_card(pools: Iterable[PciPool]) -> tuple[PciPool, ...]:
    """Return the pools with the functions of one card, or one whole device, in each."""
    return tuple(
        part
        for pool in pools
        for part in (
            [pool]
            if pool.parent is not None
            else [dataclasses.replace(pool, addresses=(each,)) for each in pool.addresses]
        )
    )


def _is_wanted(pool: PciPool, request: PciRequest) -> bool:
    if request.card is not None:
        cards = pool.addresses if pool.parent is None else (pool.parent,)
        if request.card not in cards:
            return False
    return any(_satisfies(pool, wish) for wish in request.wishes)


def _satisfies(pool: PciPool, wish: DeviceWish) -> bool:
    # A whole card is only for who asks for one, and one managed from afar for ports.
    if wish.device_type is None and pool.device_type == PF:
        return False
    if pool.tags.get("remote_managed", "false").lower() == "true":
        return False
    return (
        wish.vendor_id in (None, pool.vendor_id)
        and wish.product_id in (None, pool.product_id)
        and wish.device_type in (None, pool.device_type)
        and all(pool.tags.get(key, "").lower() == value for key, value in wish.tags.items())
    )


def _is_near(
    supply: PciSupply, pool: PciPool, policy: PciPolicy, cells: frozenset[int] | None
) -> bool:
    if cells is None or policy is PciPolicy.PREFERRED:
        return True
    if pool.numa_node is None:
        return policy is PciPolicy.LEGACY
    if policy is PciPolicy.SOCKET:
        socket = supply.sockets.get(pool.numa_node)
        return socket is not None and socket in {supply.sockets.get(cell) for cell in cells}
    return pool.numa_node in cells


_Free = Sequence[tuple[PciPool, tuple[str, ...]]]


def _solve(
    supply: PciSupply, requests: Sequence[PciRequest], cells: frozenset[int] | None, free: _Free
) -> tuple[PciGrant, ...] | None:
    edges = [
        [
            place
            for place, (pool, _addresses) in enumerate(free)
            if _is_wanted(pool, request) and _is_near(supply, pool, request.policy, cells)
        ]
        for request in requests
    ]
    near = [
        [place for place in places if cells is None or free[place][0].numa_node in cells]
        for places in edges
    ]
    share = _Share([len(addresses) for _pool, addresses in free], len(requests))
    for number, request in enumerate(requests):
        # Near devices first: what does not find one there may take another.
        got = share.give(number, request.count, near)
        if share.give(number, request.count - got, edges) < request.count - got:
            return None
    granted = _granted(requests, free, share)
    for card, addresses in _conflicts(free, granted):
        return next(
            (
                found
                for left in _either(free, card, addresses)
                if (found := _solve(supply, requests, cells, left)) is not None
            ),
            None,
        )
    return granted


class _Share:
    """Shares of requests in pools: a flow that later requests may reroute."""

    def __init__(self, capacity: list[int], requests: int) -> None:
        self._left = capacity
        self.held = [dict.fromkeys(range(len(capacity)), 0) for _request in range(requests)]

    def give(self, request: int, count: int, edges: list[list[int]]) -> int:
        """Give a request up to `count` devices of its pools; return how many it got."""
        for got in range(count):
            if not self._give_one(request, edges, set()):
                return got
        return count

    def _give_one(self, request: int, edges: list[list[int]], seen: set[int]) -> bool:
        for place in edges[request]:
            if place in seen:
                continue
            seen.add(place)
            if self._left[place]:
                self._left[place] -= 1
            elif not self._reroute(place, edges, seen):
                continue
            self.held[request][place] += 1
            return True
        return False

    def _reroute(self, place: int, edges: list[list[int]], seen: set[int]) -> bool:
        for other, held in enumerate(self.held):
            if held[place] and self._give_one(other, edges, seen):
                held[place] -= 1
                return True
        return False


def _granted(requests: Sequence[PciRequest], free: _Free, share: _Share) -> tuple[PciGrant, ...]:
    waiting = [iter(addresses) for _pool, addresses in free]
    return tuple(
        PciGrant(alias=request.alias, address=address, numa_node=free[place][0].numa_node)
        for number, request in enumerate(requests)
        for place, count in share.held[number].items()
        for address in itertools.islice(waiting[place], count)
    )


def _conflicts(free: _Free, granted: Sequence[PciGrant]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield cards that were granted together with functions of their own."""
    addresses = {grant.address for grant in granted}
    for pool, offered in free:
        if pool.parent in addresses and not addresses.isdisjoint(offered):
            yield pool.parent or "", frozenset(offered)


def _either(free: _Free, card: str, functions: frozenset[str]) -> Iterator[_Free]:
    for gone in (frozenset({card}), functions):
        left = [
            (pool, tuple(each for each in offered if each not in gone)) for pool, offered in free
        ]
        yield [(pool, offered) for pool, offered in left if offered]
