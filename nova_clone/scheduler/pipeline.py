"""Choice: candidates, then filters, then weights, then the best with alternates. Pure.

The servers of one request are chosen one after the other from the same hosts: each choice
leaves less room on its host and one more member in the server group, and only what that
changes is worked out again.
"""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from nova_clone.contracts.placement import Candidates
from nova_clone.contracts.scheduler import Explanation, HostChoice, Removal
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.domain.resources import Amounts
from nova_clone.scheduler.devices import placed_devices
from nova_clone.scheduler.filters.base import Filter, Predicate
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView
from nova_clone.scheduler.weighers.base import Weigher
from nova_clone.scheduler.weighers.weighing import Ranking

SAMPLE = 5
#: Ways to place a server that are named for one host: when others took what one needs,
#: another one may still be free.
WAYS_PER_HOST = 4
#: The filters that a forced host has to pass.
_FORCED = frozenset(("RequestedHostFilter", "AvailabilityZoneFilter"))

#: A shape's number, the root's, and those of the providers unless they are just the root.
_Row = tuple[int, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rules:
    """The filters and weighers that are at work."""

    filters: tuple[Filter, ...]
    weighers: tuple[Weigher, ...]


class Choosing:
    """One request, and the hosts that are left for its servers."""

    def __init__(
        self,
        spec: RequestSpec,
        offer: Candidates,
        views: Mapping[str, HostView],
        rules: Rules,
        settings: SchedulerSettings,
    ) -> None:
        self._spec = spec
        self._settings = settings
        self._weighers = rules.weighers
        self._filters = [
            rule for rule in rules.filters if not spec.forced_host or rule.name in _FORCED
        ]
        self._removals: dict[str, list[str]] = {}
        self._room = _Room(offer)
        self._devices = placed_devices(spec, offer, settings)
        self._offer = offer
        self._offered = len(offer.summaries)
        self._remove("no compute service", (name for name in _unknown(offer, views)))
        self._views = views
        self._left = list(views.values())
        self._prepared: list[tuple[str, Predicate]] = []
        self._ranking: Ranking | None = None

    def with_others(self, overlay: Mapping[str, HostView]) -> None:
        """See hosts as other requests at work will leave them; full ones are left out.

        Comes before `without`.
        """
        self._left = list({**self._views, **overlay}.values())
        full = {id(view) for view in overlay.values() if not self._room.fits(view)}
        if full:
            self._keep("chosen by other requests", lambda view: id(view) not in full)

    def without(self, hosts: frozenset[str]) -> None:
        """Leave out hosts where the request has failed or that it does not want."""
        if hosts:
            self._keep("tried before", lambda view: view.host not in hosts)

    def choose(self) -> tuple[HostChoice, ...]:
        """Return where the next server may go, best first; nothing when no host is left.

        The first of them counts as taken for the servers that follow.
        """
        ranking = self._ranked()
        if not ranking.views:
            return ()
        order = self._order(ranking)
        choices = tuple(self._choices(ranking.views[position] for position in order))
        self._take(order[0], choices[0])
        return choices

    def explanation(self) -> Explanation:
        """Return how it came to what is left now."""
        ranking = self._ranked()
        best = heapq.nlargest(SAMPLE, range(len(ranking.views)), key=ranking.weights.__getitem__)
        placement = [
            Removal(reason=f"Placement: {reason}", count=count)
            for reason, count in sorted(self._offer.removed.items())
        ]
        own = [
            Removal(reason=reason, count=len(hosts), hosts=tuple(hosts[:SAMPLE]))
            for reason, hosts in self._removals.items()
        ]
        return Explanation(
            candidates=self._offered,
            considered=self._offer.considered,
            fitting=len(ranking.views),
            removals=(*placement, *own),
            weights={ranking.views[each].host: round(ranking.weights[each], 4) for each in best},
        )

    # Filters and weights

    def _ranked(self) -> Ranking:
        if self._ranking is None:
            self._prepare()
            for name, fits in self._prepared:
                self._keep(name, fits)
            self._ranking = Ranking(self._left, self._spec, self._settings, self._weighers)
        return self._ranking

    def _prepare(self) -> None:
        prepared = ((rule.name, rule.prepare(self._spec, self._settings)) for rule in self._filters)
        self._prepared = [(name, fits) for name, fits in prepared if fits is not None]
        if self._devices is not None:
            self._prepared.append((_DEVICES, self._fits))

    def _keep(self, reason: str, fits: Predicate) -> None:
        kept = [view for view in self._left if fits(view)]
        if len(kept) < len(self._left):
            passed = {id(view) for view in kept}
            self._remove(reason, (view.host for view in self._left if id(view) not in passed))
        self._left = kept

    def _remove(self, reason: str, hosts: Iterable[str]) -> None:
        names = list(hosts)
        if names:
            self._removals.setdefault(reason, []).extend(names)

    # The best

    def _order(self, ranking: Ranking) -> list[int]:
        """Return positions, best first: as many as there may be hosts to choose from."""
        weights = ranking.weights
        subset = min(max(self._settings.host_subset_size, 1), len(weights))
        wanted = max(self._settings.alternates + 1, subset)
        # Among equals, other requests at work should find other alternates.
        start = random.randrange(len(weights))  # noqa: S311 - spreading load, not a secret
        around = itertools.chain(range(start, len(weights)), range(start))
        order = heapq.nlargest(wanted, around, key=weights.__getitem__)
        if subset > 1:
            first = order[random.randrange(subset)]  # noqa: S311 - as above
        elif self._settings.shuffle_best_same_weighed_hosts:
            best = weights[order[0]]
            equals = [position for position, weight in enumerate(weights) if weight == best]
            first = random.choice(equals)  # noqa: S311 - as above
        else:
            first = weights.index(weights[order[0]])
        others = [position for position in order if position != first]
        return [first, *others[: self._settings.alternates]]

    def _choices(self, views: Iterable[HostView]) -> Iterator[HostChoice]:
        for view in views:
            for row in itertools.islice(self._ways(view), WAYS_PER_HOST):
                yield HostChoice(
                    host=view.record.host,
                    node=view.record.node,
                    provider_id=view.record.provider_id,
                    availability_zone=view.zone,
                    allocation=self._room.allocation(row),
                    mappings=self._room.mappings(row),
                )

    def _ways(self, view: HostView) -> Iterator[_Row]:
        """Yield the ways that fit, with devices that the host can give."""
        devices = self._devices
        for row in self._room.ways(view):
            if devices is None or devices.fit(view, self._room.mappings(row)):
                yield row

    def _fits(self, view: HostView) -> bool:
        return next(self._ways(view), None) is not None

    # What a choice changes

    def _take(self, position: int, choice: HostChoice) -> None:
        ranking = self._ranked()
        view = ranking.views[position].taking([choice.allocation.get(choice.provider_id, {})])
        others = self._room.take(choice)
        group = self._spec.group
        if group is None:
            self._put_back(position, view)
            for other in others - {choice.provider_id}:
                self._check(other)
            return
        members = {**group.members, view.host: group.members.get(view.host, 0) + 1}
        self._spec = dataclasses.replace(
            self._spec, group=dataclasses.replace(group, members=members)
        )
        ranking.views[position] = view
        self._left = ranking.views
        self._keep(_TAKEN, self._room.fits)
        self._ranking = None

    def _put_back(self, position: int, view: HostView) -> None:
        ranking = self._ranked()
        reason = None if self._room.fits(view) else _TAKEN
        for name, fits in self._prepared:
            if reason is None and not fits(view):
                reason = name
        if reason is None:
            ranking.change(position, view)
        else:
            ranking.drop(position)
            self._remove(reason, [view.host])

    def _check(self, provider_id: str) -> None:
        """Leave a host out when what it shares with the last choice is used up."""
        ranking = self._ranked()
        for position, view in enumerate(ranking.views):
            if view.record.provider_id == provider_id and not self._fits(view):
                ranking.drop(position)
                self._remove(_TAKEN, [view.host])
                return


_TAKEN = "taken by servers of the same request"
_DEVICES = "PCI devices of Placement"


def _unknown(offer: Candidates, views: Mapping[str, HostView]) -> Iterator[str]:
    if len(views) < len(offer.summaries):
        for provider_id, name in zip(offer.ids, offer.names, strict=False):
            if provider_id not in views:
                yield name


class _Room:
    """The ways to place a server on each host, and what is left for them."""

    def __init__(self, offer: Candidates) -> None:
        self._offer = offer
        self._rows: dict[int, list[_Row]] = defaultdict(list)
        for row in offer.rows:
            self._rows[row[1]].append(row)
        self._numbers = {provider_id: number for number, provider_id in enumerate(offer.ids)}
        self._free = dict(zip(offer.ids[len(offer.summaries) :], offer.room, strict=False))
        self._users: dict[str, set[str]] | None = None

    def ways(self, view: HostView) -> Iterator[_Row]:
        """Yield the ways that still fit, in Placement's order."""
        for row in self._rows[self._numbers[view.record.provider_id]]:
            if all(self._has(view, *part) for part in self.allocation(row).items()):
                yield row

    def fits(self, view: HostView) -> bool:
        """Tell whether one more server fits."""
        return next(self.ways(view), None) is not None

    def _has(self, view: HostView, provider_id: str, amounts: Amounts) -> bool:
        if provider_id == view.record.provider_id:
            return all(amount <= view.free(name) for name, amount in amounts.items())
        free = self._free.get(provider_id, {})
        return all(amount <= free.get(name, amount) for name, amount in amounts.items())

    def allocation(self, row: _Row) -> dict[str, Amounts]:
        """Return what a way takes, by provider."""
        shape, root, *places = row
        parts = self._offer.shapes[shape]
        return {
            self._offer.ids[place]: part.resources
            for place, part in zip(places or (root,), parts, strict=True)
        }

    def mappings(self, row: _Row) -> dict[str, tuple[str, ...]]:
        """Return which providers a way gives to each group with a suffix."""
        shape, root, *places = row
        found: dict[str, tuple[str, ...]] = {}
        for place, part in zip(places or (root,), self._offer.shapes[shape], strict=True):
            for suffix in filter(None, part.suffixes):
                found[suffix] = (*found.get(suffix, ()), self._offer.ids[place])
        return found

    def take(self, choice: HostChoice) -> set[str]:
        """Take what a choice needs from providers below or beside hosts.

        Returns the roots of the hosts that these providers serve.
        """
        touched = choice.allocation.keys() - {choice.provider_id}
        for provider_id in touched & self._free.keys():
            amounts = choice.allocation[provider_id]
            self._free[provider_id] = {
                name: amount - amounts.get(name, 0)
                for name, amount in self._free[provider_id].items()
            }
        return set().union(*(self._served().get(each, set()) for each in touched))

    def _served(self) -> Mapping[str, set[str]]:
        if self._users is None:
            self._users = defaultdict(set)
            for _shape, root, *places in self._offer.rows:
                for place in places:
                    self._users[self._offer.ids[place]].add(self._offer.ids[root])
        return self._users
