"""Host aggregates, and the aggregates of Placement that mirror them."""

from __future__ import annotations

from nova_clone.conductor.memberships import place
from nova_clone.conductor.store.standings import COMPUTE, ZONE_KEY
from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.contracts.aggregates import AggregateMember, CreateAggregate, UpdateAggregate
from nova_clone.contracts.hosts import ServiceQuery
from nova_clone.domain.errors import Conflict, Invalid, NotFound
from nova_clone.domain.host import Aggregate


def create(work: UnitOfWork, request: CreateAggregate) -> Aggregate:
    """Make an aggregate; raises `AlreadyExists`."""
    return work.aggregates.add(request.name, zone=request.availability_zone)


def update(work: UnitOfWork, request: UpdateAggregate) -> Aggregate:
    """Change name and metadata.

    Raises `NotFound`, `AlreadyExists` for the name, and `Invalid` for a zone that cannot
    be changed.
    """
    if ZONE_KEY in request.metadata:
        work.aggregates.lock()
        _check_zone(work, work.aggregates.get(request.id), request.metadata[ZONE_KEY])
    return work.aggregates.update(request.id, name=request.name, metadata=request.metadata)


def delete(work: UnitOfWork, aggregate_id: int) -> None:
    """Delete an aggregate; raises `NotFound`, and `Invalid` while it has hosts."""
    if work.aggregates.get(aggregate_id).hosts:
        raise Invalid(f"Aggregate {aggregate_id} has hosts; it must be empty to be deleted.")
    work.aggregates.delete(aggregate_id)


def add_host(work: UnitOfWork, request: AggregateMember) -> Aggregate:
    """Add a host, also in Placement.

    Raises `NotFound` for the aggregate or the host, and `Conflict` for a member or for a
    host in another zone.
    """
    work.aggregates.lock()
    work.aggregates.get(request.id)
    if not work.hosts.services(ServiceQuery(host=request.host, binary=COMPUTE)):
        raise NotFound(f"Compute host {request.host} could not be found.")
    aggregate = work.aggregates.add_host(request.id, request.host)
    place(work, aggregate.uuid, request.host, member=True)
    return aggregate


def remove_host(work: UnitOfWork, request: AggregateMember) -> Aggregate:
    """Take a host out, also in Placement; raises `NotFound` for the aggregate or the member."""
    aggregate = work.aggregates.remove_host(request.id, request.host)
    place(work, aggregate.uuid, request.host, member=False)
    return aggregate


def _check_zone(work: UnitOfWork, aggregate: Aggregate, zone: str | None) -> None:
    now = aggregate.metadata.get(ZONE_KEY)
    if zone == "":
        raise Invalid(f"Aggregate {aggregate.id} cannot have a zone without a name.")
    if zone == now or not aggregate.hosts:
        return
    if zone is not None:
        try:
            work.aggregates.check_zone(zone, aggregate.hosts, but=aggregate.id)
        except Conflict as error:
            raise Invalid(error.message) from error
    counts = work.servers.count_per_host(aggregate.hosts)
    occupied = sorted(host for host, count in counts.items() if count)
    if occupied:
        raise Invalid(
            f"The zone of aggregate {aggregate.id} cannot change: "
            f"one or more hosts contain instances in this zone: {', '.join(occupied[:5])}."
        )
