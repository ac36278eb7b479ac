"""What is known of hosts, put together from the cell's records and Placement's."""

from __future__ import annotations

import contextlib
import dataclasses

from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.contracts.compute import Ticket
from nova_clone.contracts.hosts import HostReport, HostServers, ServiceQuery
from nova_clone.contracts.placement_store import PutInventories, PutProvider, PutTraits
from nova_clone.domain.errors import NotFound
from nova_clone.domain.resources import Inventory, Provider


def record_report(work: UnitOfWork, report: HostReport) -> None:
    """Record a host's facts, and its inventories and traits in Placement.

    Traits that others gave the provider stay; ``used`` is never a host's affair.
    """
    resources = report.resources
    work.hosts.save_compute_node(report.host, resources)
    try:
        provider = work.placement.provider(resources.uuid)
    except NotFound:
        provider = work.placement.put_provider(
            PutProvider(id=resources.uuid, name=resources.hypervisor_hostname)
        )
    wanted = _proposed(provider, report)
    if _shape(provider) != wanted:
        work.placement.put_inventories(PutInventories(provider_id=provider.id, inventories=wanted))
    custom = {trait for trait in provider.traits if trait.startswith("CUSTOM_")}
    traits = tuple(sorted(set(resources.traits) | custom))
    if traits != tuple(sorted(provider.traits)):
        work.placement.put_traits(PutTraits(provider_id=provider.id, traits=traits))


def _proposed(provider: Provider, report: HostReport) -> dict[str, Inventory]:
    """Return the inventories to record; ratios that were only proposed give way."""
    wanted = {}
    for name, inventory in report.resources.inventories.items():
        present = provider.inventories.get(name)
        if present is not None and name in report.initial_ratios:
            inventory = dataclasses.replace(  # noqa: PLW2901 - the same one, adjusted
                inventory, allocation_ratio=present.allocation_ratio
            )
        wanted[name] = _bare(inventory)
    return wanted


def _bare(inventory: Inventory) -> Inventory:
    return dataclasses.replace(inventory, used=0)


def _shape(provider: Provider) -> dict[str, Inventory]:
    return {name: _bare(inventory) for name, inventory in provider.inventories.items()}


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
