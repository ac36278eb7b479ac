"""What is known of hosts, put together from the cell's records and Placement's."""

from __future__ import annotations

import contextlib

from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.contracts.compute import Ticket
from nova_clone.contracts.hosts import HostReport, HostServers, ServiceQuery
from nova_clone.domain.errors import NotFound


def record_report(work: UnitOfWork, report: HostReport) -> None:
    """Record a host's facts, and its inventories and traits in Placement."""
    work.hosts.save_compute_node(report.host, report.resources)
    work.placement.sync_host(report.resources, initial_ratios=report.initial_ratios)


def servers_of(work: UnitOfWork, host: str) -> HostServers:
    """Return the servers that belong on a host, and which of its answers are awaited."""
    servers = work.servers.on_host(host)
    live = work.workflows.live([server.id for server in servers])
    tickets = {
        server_id: Ticket(workflow_id=row.id, step=row.waiting_for, epoch=row.epoch)
        for server_id, row in live.items()
        if row.waiting_for is not None
    }
    return HostServers(servers=servers, tickets=tickets)


def delete_service(work: UnitOfWork, request: ServiceQuery) -> None:
    """Forget a service; a compute host goes with its nodes and their providers.

    Raises `NotFound`, and `Conflict` while servers are on the host.
    """
    for node_id in work.hosts.delete_service(request):
        with contextlib.suppress(NotFound):
            work.placement.delete_provider(node_id)
