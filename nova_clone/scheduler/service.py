"""What the scheduler answers."""

from __future__ import annotations

import dataclasses
import threading
import time

from nova_clone.contracts.hosts import HostFeed
from nova_clone.contracts.placement import Candidates, PlacementContract
from nova_clone.contracts.scheduler import Explanation, SelectHosts, Selection
from nova_clone.domain.errors import NoValidHost
from nova_clone.domain.identity import RequestContext
from nova_clone.scheduler.filters import enabled
from nova_clone.scheduler.pending import Pending
from nova_clone.scheduler.pipeline import Decision, decide
from nova_clone.scheduler.requests import candidate_query
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import Hosts


class SchedulerService:
    """Implements `SchedulerContract`."""

    def __init__(
        self, settings: SchedulerSettings, placement: PlacementContract, hosts: Hosts
    ) -> None:
        self._settings = settings
        self._placement = placement
        self._hosts = hosts
        self._filters = enabled(settings)
        self._pending = Pending()
        self._deciding = threading.Lock()

    def select_hosts(self, context: RequestContext, request: SelectHosts) -> Selection:
        """Choose hosts for each server of one request, best first."""
        started = time.monotonic()
        feed = self._hosts.refresh(context)
        query = candidate_query(request.spec, self._hosts, self._settings.requests)
        candidates = self._placement.candidates(context, query)
        offered = time.monotonic()
        with self._deciding:
            decisions = [self._decide(request, candidates, feed) for _server in request.server_ids]
        explanation = dataclasses.replace(
            decisions[0].explanation if decisions else Explanation(),
            asked=query.limit,
            milliseconds=_milliseconds(started, time.monotonic()),
            placement_milliseconds=_milliseconds(started, offered),
        )
        if any(not decision.choices for decision in decisions):
            raise NoValidHost(explanation=dataclasses.asdict(explanation))
        return Selection(
            choices=tuple(decision.choices for decision in decisions), explanation=explanation
        )

    def _decide(self, request: SelectHosts, candidates: Candidates, feed: HostFeed) -> Decision:
        roots = {root.id: self._pending.adjusted(root) for root in candidates.roots}
        skip = frozenset((*request.skip_hosts, *request.spec.ignored_hosts))
        decision = decide(
            request.spec,
            candidates,
            self._hosts.views(roots, feed),
            self._filters,
            self._settings,
            skip_hosts=skip,
        )
        if decision.choices:
            best = decision.choices[0]
            self._pending.note(roots[best.provider_id], best)
        return decision


def _milliseconds(since: float, until: float) -> float:
    return round((until - since) * 1000, 2)
