"""What is known of hosts, put together from the cell's records and Placement's."""

from __future__ import annotations

import dataclasses

from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.contracts.compute import Ticket
from nova_clone.contracts.hosts import (
    HostFeed,
    HostReport,
    HostServers,
    HypervisorPage,
    HypervisorQuery,
    ServiceQuery,
)
from nova_clone.contracts.placement_store import PutInventories, PutProvider, PutTraits
from nova_clone.domain.errors import Conflict, NotFound
from nova_clone.domain.host import Hypervisor
from nova_clone.domain.resources import DISK_GB, MEMORY_MB, VCPU, Inventory, Provider


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
    if _shape(provider) != {name: _bare(inv) for name, inv in resources.inventories.items()}:
        work.placement.put_inventories(
            PutInventories(provider_id=provider.id, inventories=resources.inventories)
        )
    custom = {trait for trait in provider.traits if trait.startswith("CUSTOM_")}
    wanted = tuple(sorted(set(resources.traits) | custom))
    if wanted != tuple(sorted(provider.traits)):
        work.placement.put_traits(PutTraits(provider_id=provider.id, traits=wanted))


def _bare(inventory: Inventory) -> Inventory:
    return dataclasses.replace(inventory, used=0)


def _shape(provider: Provider) -> dict[str, Inventory]:
    return {name: _bare(inventory) for name, inventory in provider.inventories.items()}


def servers_of(work: UnitOfWork, host: str) -> HostServers:
    """Return the servers that belong on a host, and which of its answers are awaited."""
    servers = work.servers.on_host(host)
    waiting = work.workflows.waiting_for({server.id for server in servers})
    tickets = {
        row.subject: Ticket(workflow_id=row.id, step=row.waiting_for, epoch=row.epoch)
        for row in waiting
        if row.waiting_for is not None
    }
    return HostServers(servers=servers, tickets=tickets)


def feed(work: UnitOfWork, since: int) -> HostFeed:
    """Return hosts that changed, with how busy each of them is."""
    return dataclasses.replace(work.hosts.feed(since), busy=work.servers.building_per_host())


def hypervisors(work: UnitOfWork, request: HypervisorQuery) -> HypervisorPage:
    """Return hypervisors with their use filled in from Placement."""
    found = work.hosts.hypervisors(request)
    providers = work.placement.providers([hypervisor.id for hypervisor in found.hypervisors])
    running = work.servers.count_per_host()
    busy = work.servers.building_per_host()
    filled = tuple(
        _with_use(hypervisor, providers.get(hypervisor.id), running, busy)
        for hypervisor in found.hypervisors
    )
    servers = (
        {hypervisor.id: work.servers.briefs_on(hypervisor.host) for hypervisor in filled}
        if request.with_servers
        else {}
    )
    return HypervisorPage(hypervisors=filled, more=found.more, servers=servers)


def _with_use(
    hypervisor: Hypervisor,
    provider: Provider | None,
    running: dict[str, int],
    busy: dict[str, int],
) -> Hypervisor:
    inventories = provider.inventories if provider else {}

    def total(name: str) -> int:
        return inventories[name].total if name in inventories else 0

    def used(name: str) -> int:
        if name not in inventories:
            return 0
        reserved = 0 if name == VCPU else inventories[name].reserved
        return inventories[name].used + reserved

    return dataclasses.replace(
        hypervisor,
        vcpus=total(VCPU),
        vcpus_used=used(VCPU),
        memory_mb=total(MEMORY_MB),
        memory_mb_used=used(MEMORY_MB),
        local_gb=total(DISK_GB),
        local_gb_used=used(DISK_GB),
        running_vms=running.get(hypervisor.host, 0),
        current_workload=busy.get(hypervisor.host, 0),
    )


def delete_service(work: UnitOfWork, request: ServiceQuery) -> None:
    """Forget a service; a compute host goes with its node and its provider.

    Raises `Conflict` while servers are on the host.
    """
    found = work.hosts.services(request)
    if not found:
        raise NotFound(f"Service {request.id} could not be found.")
    service = found[0]
    if service.binary == "nova-compute":
        if work.servers.on_host(service.host):
            raise Conflict(
                "Unable to delete compute service that is hosting instances. Migrate or "
                "delete the instances first."
            )
        for node_id in work.hosts.delete_compute_nodes(service.host):
            work.placement.delete_provider(node_id)
    work.hosts.delete_service(service.id)
