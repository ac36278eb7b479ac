"""Membership of hosts in aggregates: Placement has it, too, for requests to name."""

from __future__ import annotations

import contextlib

from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.domain.errors import NotFound


def place(work: UnitOfWork, uuid: str, host: str, *, member: bool) -> None:
    """Put the providers of a host into an aggregate of Placement, or take them out."""
    for node_id in work.hosts.node_ids(host):
        # A node that has not told Placement of itself yet joins with its first report.
        with contextlib.suppress(NotFound):
            work.placement.group(node_id, uuid, member=member)


def mirror(work: UnitOfWork, host: str) -> None:
    """Bring a host that has reported, maybe for the first time, into its aggregates."""
    for aggregate in work.aggregates.of_host(host):
        place(work, aggregate.uuid, host, member=True)


def forget(work: UnitOfWork, host: str) -> None:
    """Take a host that goes away out of every aggregate."""
    for aggregate in work.aggregates.of_host(host):
        work.aggregates.remove_host(aggregate.id, host)
