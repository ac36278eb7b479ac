"""How many more servers of one kind fit, host by host. Pure.

Counted greedily: on each host the first way to place a server is used as often as it fits,
then the next. Where servers can be placed in several ways, more may fit than is counted.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping

from nova_clone.contracts.placement import CandidateQuery, Candidates
from nova_clone.contracts.scheduler import Capacity, CapacityQuery, HostCapacity, Removal
from nova_clone.domain.placing import Needs, needs_of
from nova_clone.domain.resources import Amounts
from nova_clone.scheduler.filters.base import Filter, Predicate
from nova_clone.scheduler.filters.hardware import aliases, space
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView
from nova_clone.scheduler.successive import places

#: Ways to place a server that Placement is asked for: enough for every host of a large cloud.
MOST_WAYS = 20_000
_SAMPLE = 5
_Free = dict[str, dict[str, int]]


def whole(query: CandidateQuery) -> CandidateQuery:
    """Return the query that asks about every host."""
    return dataclasses.replace(query, limit=MOST_WAYS)


def count(
    request: CapacityQuery,
    offer: Candidates,
    views: Mapping[str, HostView],
    filters: Iterable[Filter],
    settings: SchedulerSettings,
) -> Capacity:
    """Return how many servers fit now, and what stops the next."""
    prepared = [(rule.name, rule.prepare(request.spec, settings)) for rule in filters]
    counting = _Counting(
        offer,
        [(name, fits) for name, fits in prepared if fits is not None],
        needs_of(request.spec.flavor, request.spec.image_properties, aliases(settings.pci_aliases)),
    )
    found = [counting.host(view) for view in views.values()]
    fitting = sorted((one for one in found if one.count), key=lambda one: (-one.count, one.host))
    placement = (
        Removal(reason=f"Placement: {reason}", count=number)
        for reason, number in sorted(offer.removed.items())
    )
    return Capacity(
        total=sum(one.count for one in fitting),
        host_count=len(fitting),
        hosts=tuple(fitting[: request.top]),
        limits=_gathered(fitting),
        removals=(*placement, *_gathered(one for one in found if not one.count)),
        candidates=len(offer.summaries),
        considered=offer.considered,
        complete=len(offer.rows) < MOST_WAYS,
    )


def _gathered(hosts: Iterable[HostCapacity]) -> tuple[Removal, ...]:
    by_reason: dict[str, list[str]] = defaultdict(list)
    for one in hosts:
        by_reason[one.limit].append(one.host)
    return tuple(
        Removal(reason=reason, count=len(names), hosts=tuple(names[:_SAMPLE]))
        for reason, names in sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0]))
    )


class _Counting:
    """What is left while one host after the other is filled."""

    def __init__(
        self, offer: Candidates, filters: list[tuple[str, Predicate]], needs: Needs
    ) -> None:
        self._offer = offer
        self._needs = needs
        self._filters = filters
        self._rows: dict[str, list[tuple[int, ...]]] = defaultdict(list)
        for row in offer.rows:
            self._rows[offer.ids[row[1]]].append(row)
        others = offer.ids[len(offer.summaries) :]
        # Providers that several hosts share are used up by the first of them.
        self._free: _Free = {
            provider_id: dict(room) for provider_id, room in zip(others, offer.room, strict=False)
        }

    def host(self, view: HostView) -> HostCapacity:
        """Fill one host and return what it took."""
        refusal = self._refusal(view)
        if refusal is not None:
            return HostCapacity(host=view.host, count=0, limit=refusal)
        root = view.record.provider_id
        self._free[root] = {name: view.free(name) for name in view.summary.resources}
        ways = [self._allocation(row) for row in self._rows[root]]
        inside, misfit = self._inside(view, sum(map(self._times, ways)))
        placed, limit = _Placed(), misfit or "nothing fits"
        for way in ways:
            times = min(self._times(way), inside - placed.count)
            taken = self._admitted(view, placed, way.get(root, {}), times)
            self._take(way, taken)
            placed = placed.more(way.get(root, {}), taken)
            if taken < times:
                limit = self._refusal(placed.on(view)) or limit
                break
            limit = misfit if misfit and placed.count == inside else self._shortage(way)
        return HostCapacity(host=view.host, count=placed.count, limit=limit)

    def _inside(self, view: HostView, most: int) -> tuple[int, str | None]:
        """Return how many fit into cells and devices, and what stops the next there."""
        return places(space(view), self._needs, most) if self._needs else (most, None)

    def _allocation(self, row: tuple[int, ...]) -> dict[str, Amounts]:
        shape, root, *places = row
        return {
            self._offer.ids[place]: part.resources
            for place, part in zip(places or (root,), self._offer.shapes[shape], strict=True)
        }

    def _times(self, way: Mapping[str, Amounts]) -> int:
        """Return how often a way still fits."""
        times = (
            self._free.get(provider_id, {}).get(name, 0) // amount
            for provider_id, amounts in way.items()
            for name, amount in amounts.items()
            if amount
        )
        return max(0, min(times, default=0))

    def _take(self, allocation: Mapping[str, Amounts], times: int) -> None:
        for provider_id, amounts in allocation.items():
            free = self._free.setdefault(provider_id, {})
            for name, amount in amounts.items():
                free[name] = free.get(name, 0) - amount * times

    def _shortage(self, allocation: Mapping[str, Amounts]) -> str:
        short = {
            name
            for provider_id, amounts in allocation.items()
            for name, amount in amounts.items()
            if self._free.get(provider_id, {}).get(name, 0) < amount
        }
        return ", ".join(sorted(short)) or "nothing"

    def _refusal(self, view: HostView) -> str | None:
        return next((name for name, fits in self._filters if not fits(view)), None)

    def _admitted(self, view: HostView, placed: _Placed, one: Amounts, times: int) -> int:
        """Return how many of ``times`` more servers the filters let onto a host, one by one."""

        def admits(number: int) -> bool:
            return self._refusal(placed.more(one, number - 1).on(view)) is None

        if not times or admits(times):
            return times
        low, high = 0, times - 1
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if admits(middle) else (low, middle - 1)
        return low


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Placed:
    """Servers that were put on a host, and what they take of the host itself."""

    count: int = 0
    amounts: Amounts = dataclasses.field(default_factory=dict)

    def more(self, one: Amounts, times: int) -> _Placed:
        """Return these and ``times`` more servers."""
        total = dict(self.amounts)
        for name, amount in one.items():
            total[name] = total.get(name, 0) + amount * times
        return _Placed(count=self.count + times, amounts=total)

    def on(self, view: HostView) -> HostView:
        """Return the host with the servers, which need not all be built at once."""
        filled = view.taking([self.amounts])
        consumers = view.summary.consumers + self.count
        summary = dataclasses.replace(filled.summary, consumers=consumers)
        return dataclasses.replace(filled, summary=summary, building=view.building)
