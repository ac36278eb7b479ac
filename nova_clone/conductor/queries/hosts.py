"""What is known of hosts, put together from the cell's records and Placement's."""

from __future__ import annotations

from nova_clone.conductor import memberships
from nova_clone.conductor.store.standings import COMPUTE
from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.contracts.compute import Ticket
from nova_clone.contracts.hosts import (
    Heartbeat,
    HostReport,
    HostServers,
    ServiceQuery,
    UpdateService,
)
from nova_clone.domain.host import Service


def record_report(work: UnitOfWork, report: HostReport) -> None:
    """Record a host's facts, and its tree of providers in Placement."""
    disabled = work.hosts.is_disabled(report.host)
    work.hosts.save_compute_node(
        report.host, report.resources, counts_failures=report.counts_failures
    )
    work.placement.sync_host(report, disabled=disabled)
    memberships.mirror(work, report.host)


def beat(work: UnitOfWork, request: Heartbeat) -> bool:
    """Record a sign of life; False when the host should report again. Raises `NotFound`."""
    work.hosts.heartbeat(request.service_id)
    if request.node_uuid is None or request.fingerprint is None:
        return True
    return work.placement.is_current(request.node_uuid, request.fingerprint)


def update_service(work: UnitOfWork, request: UpdateService) -> Service:
    """Change a service's standing, and tell Placement of a host's; raises `NotFound`."""
    service = work.hosts.update_service(request)
    if service.binary == COMPUTE and request.disabled is not None:
        for node_id in work.hosts.node_ids(service.host):
            work.placement.mark_host(node_id, disabled=service.disabled)
    return service


def servers_of(work: UnitOfWork, host: str) -> HostServers:
    """Return the servers that belong on a host, and which of its answers are awaited."""
    servers = work.servers.on_host(host)
    live = work.workflows.live([server.id for server in servers])
    tickets = {
        server_id: Ticket(workflow_id=row.id, step=row.waiting_for, epoch=row.epoch)
        for server_id, row in live.items()
        if row.waiting_for is not None
    }
    return HostServers(servers=servers, tickets=tickets, placings=work.placings.on_host(host))


def delete_service(work: UnitOfWork, request: ServiceQuery) -> None:
    """Forget a service; a compute host goes with its nodes and their providers.

    Raises `NotFound`, and `Conflict` while servers are on the host.
    """
    for service in work.hosts.services(request):
        if service.binary == COMPUTE:
            memberships.forget(work, service.host)
    for node_id in work.hosts.delete_service(request):
        work.placement.remove_host(node_id)
