"""Aggregates of a conductor that keeps things in memory."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from nova_clone.contracts import hosts
from nova_clone.contracts.aggregates import (
    AggregateMember,
    AggregateRef,
    CacheAggregateImages,
    CreateAggregate,
    UpdateAggregate,
)
from nova_clone.domain.errors import AlreadyExists, NotFound
from nova_clone.domain.host import Aggregate
from nova_clone.domain.identity import RequestContext, new_uuid

MADE = dt.datetime(2026, 1, 31, 12, 0, 0, 250000, tzinfo=dt.UTC)


class FakeAggregates:
    """The verbs of aggregates, by their plainest rules; remembers each request."""

    def __init__(self) -> None:
        self.aggregates: list[Aggregate] = []
        self.asked: list[tuple[str, Any]] = []
        self.error: Exception | None = None

    def _note(self, verb: str, request: Any) -> None:
        self.asked.append((verb, request))
        if self.error is not None:
            raise self.error

    def list_aggregates(self, context: RequestContext) -> hosts.Aggregates:
        self._note("list_aggregates", None)
        return hosts.Aggregates(aggregates=tuple(self.aggregates))

    def show_aggregate(self, context: RequestContext, request: AggregateRef) -> Aggregate:
        self._note("show_aggregate", request)
        return self._aggregate(request.id)

    def create_aggregate(self, context: RequestContext, request: CreateAggregate) -> Aggregate:
        self._note("create_aggregate", request)
        if any(one.name == request.name for one in self.aggregates):
            raise AlreadyExists(f"Aggregate {request.name} already exists.")
        zone = request.availability_zone
        made = Aggregate(
            id=len(self.aggregates) + 1,
            uuid=new_uuid(),
            name=request.name,
            metadata={} if zone is None else {"availability_zone": zone},
            created_at=MADE,
        )
        self.aggregates.append(made)
        return made

    def update_aggregate(self, context: RequestContext, request: UpdateAggregate) -> Aggregate:
        self._note("update_aggregate", request)
        found = self._aggregate(request.id)
        metadata = {
            key: value
            for key, value in {**found.metadata, **request.metadata}.items()
            if value is not None
        }
        name = found.name if request.name is None else request.name
        return self._put(dataclasses.replace(found, name=name, metadata=metadata))

    def delete_aggregate(self, context: RequestContext, request: AggregateRef) -> None:
        self._note("delete_aggregate", request)
        self.aggregates.remove(self._aggregate(request.id))

    def add_aggregate_host(self, context: RequestContext, request: AggregateMember) -> Aggregate:
        self._note("add_aggregate_host", request)
        found = self._aggregate(request.id)
        if request.host in found.hosts:
            raise AlreadyExists(f"Aggregate {request.id} already has host {request.host}.")
        return self._put(dataclasses.replace(found, hosts=(*found.hosts, request.host)))

    def remove_aggregate_host(self, context: RequestContext, request: AggregateMember) -> Aggregate:
        self._note("remove_aggregate_host", request)
        found = self._aggregate(request.id)
        if request.host not in found.hosts:
            raise NotFound(f"Aggregate {request.id} has no host {request.host}.")
        left = tuple(host for host in found.hosts if host != request.host)
        return self._put(dataclasses.replace(found, hosts=left))

    def cache_aggregate_images(
        self, context: RequestContext, request: CacheAggregateImages
    ) -> None:
        self._note("cache_aggregate_images", request)
        self._aggregate(request.id)

    def _aggregate(self, number: int) -> Aggregate:
        for aggregate in self.aggregates:
            if aggregate.id == number:
                return aggregate
        raise NotFound(f"Aggregate {number} could not be found.")

    def _put(self, changed: Aggregate) -> Aggregate:
        self.aggregates[:] = [changed if one.id == changed.id else one for one in self.aggregates]
        return changed
