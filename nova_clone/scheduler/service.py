"""What the scheduler answers."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Mapping

from nova_clone.contracts.placement import Candidates, PlacementContract
from nova_clone.contracts.scheduler import (
    Capacity,
    CapacityQuery,
    HostChoice,
    SelectHosts,
    Selection,
)
from nova_clone.domain.errors import NoValidHost
from nova_clone.domain.identity import RequestContext
from nova_clone.scheduler import capacity, filters, weighers
from nova_clone.scheduler.asking import Asking
from nova_clone.scheduler.pending import Pending
from nova_clone.scheduler.pipeline import Choosing, Rules
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.similarity import Similarity
from nova_clone.scheduler.snapshot import Hosts, HostView


class SchedulerService:
    """Implements `SchedulerContract`."""

    def __init__(
        self,
        settings: SchedulerSettings,
        placement: PlacementContract,
        hosts: Hosts,
        *,
        similarity: Similarity | None = None,
    ) -> None:
        self._settings = settings
        self._placement = placement
        self._hosts = hosts
        self._asking = Asking(settings, placement, hosts)
        self._similarity = similarity
        self._rules = Rules(filters=filters.enabled(settings), weighers=weighers.enabled(settings))
        self._pending = Pending()
        self._deciding = threading.Lock()

    def select_hosts(self, context: RequestContext, request: SelectHosts) -> Selection:
        """Choose hosts for each server of one request, best first."""
        started = time.monotonic()
        ahead = self._asking.ahead(context, request.spec)
        self._hosts.refresh(context)
        if self._similarity is not None:
            spec = self._similarity.told(context, request.spec, self._hosts.aggregates)
            request = dataclasses.replace(request, spec=spec)
        query, offer = self._asking.offer(context, request.spec, ahead)
        offered = time.monotonic()
        views = self._hosts.views(offer)
        # Nothing is waited for inside; each request sees what those before it chose.
        with self._deciding:
            overlay = self._pending.overlay(views)
            found = self._choose(request, offer, views, overlay)
            if overlay and len(found.choices) < len(request.server_ids):
                # What others chose, they may not come to claim; the claim itself is exact.
                found = self._choose(request, offer, views, {})
            complete = len(found.choices) == len(request.server_ids)
            for choices in found.choices if complete else ():
                self._pending.note(views[choices[0].provider_id], choices[0])
        explanation = dataclasses.replace(
            found.explanation,
            asked=query.limit,
            milliseconds=_milliseconds(started, time.monotonic()),
            placement_milliseconds=_milliseconds(started, offered),
        )
        if not complete:
            raise NoValidHost(explanation=dataclasses.asdict(explanation))
        return dataclasses.replace(found, explanation=explanation)

    def capacity(self, context: RequestContext, request: CapacityQuery) -> Capacity:
        """Count how many more servers of one kind fit."""
        self._hosts.refresh(context)
        query = self._asking.query(request.spec)
        offer = self._placement.candidates(context, capacity.whole(query))
        views = self._hosts.views(offer)
        return capacity.count(request, offer, views, self._rules.filters, self._settings)

    def _choose(
        self,
        request: SelectHosts,
        offer: Candidates,
        views: Mapping[str, HostView],
        overlay: Mapping[str, HostView],
    ) -> Selection:
        """Return choices for as many of the servers as there are hosts for."""
        choosing = Choosing(request.spec, offer, views, self._rules, self._told(request.alternates))
        choosing.with_others(overlay)
        choosing.without(frozenset((*request.skip_hosts, *request.spec.ignored_hosts)))
        explanation = choosing.explanation()
        found: list[tuple[HostChoice, ...]] = []
        for _server in request.server_ids:
            choices = choosing.choose()
            if not choices:
                return Selection(choices=tuple(found), explanation=choosing.explanation())
            found.append(choices)
        return Selection(choices=tuple(found), explanation=explanation)

    def _told(self, alternates: int | None) -> SchedulerSettings:
        if alternates is None:
            return self._settings
        return dataclasses.replace(self._settings, alternates=alternates)


def _milliseconds(since: float, until: float) -> float:
    return round((until - since) * 1000, 2)
