"""Comparing what is written with what is: records, Placement, hypervisors, ports."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from nova_clone.conductor import strangers
from nova_clone.conductor.store import inspection
from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.contracts.compute import HostContents
from nova_clone.contracts.paging import Page
from nova_clone.contracts.placement_store import AllocationQuery
from nova_clone.contracts.servers import ListServers, ServerFilters
from nova_clone.domain.binding import deviations
from nova_clone.domain.placing import Placing
from nova_clone.domain.resources import Allocation, Provider
from nova_clone.domain.server.server import Server
from nova_clone.domain.server.status import VmState

#: States in which a server has a guest on its host.
_WITH_GUEST = frozenset(
    {VmState.ACTIVE, VmState.STOPPED, VmState.PAUSED, VmState.SUSPENDED, VmState.RESCUED}
)
_DEVICE_LENGTH = 14
PAGE = 500


@dataclasses.dataclass(frozen=True, kw_only=True)
class Records:
    """What the database says.

    ``busy`` are servers with a live workflow, ``nodes`` the providers that are compute nodes,
    ``strangers`` members of server groups that are no servers, with their groups, and
    ``placings`` what of their hosts is kept for servers.
    """

    servers: Mapping[str, Server]
    busy: frozenset[str]
    providers: Mapping[str, Provider]
    allocations: tuple[Allocation, ...]
    nodes: frozenset[str] = frozenset()
    strangers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    placings: Mapping[str, Placing] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Findings:
    """What is there: contents by host (``None``: no answer), ports by id with their server."""

    hosts: Mapping[str, HostContents | None]
    ports: Mapping[str, str]


def read_records(read: Callable[[Callable[[UnitOfWork], Records]], Records]) -> Records:
    """Return the records as of one transaction; ``read`` runs it."""
    return read(_records)


def _records(work: UnitOfWork) -> Records:
    # First of all: by the end of the rest, those that were on their way have come.
    strange = strangers.find(work)
    servers: dict[str, Server] = {}
    marker = None
    while True:
        page = work.servers.page(
            ListServers(filters=ServerFilters(), detail=True, page=Page(limit=PAGE, marker=marker))
        )
        servers.update({server.id: server for server in page.servers})
        if not page.more:
            break
        marker = page.servers[-1].id
    providers = _providers(work)
    held: dict[str, Allocation] = {}
    for provider_id in providers:
        query = AllocationQuery(provider_id=provider_id)
        held.update({one.consumer_id: one for one in work.placement.allocations(query).allocations})
    whole = work.placement.allocations(AllocationQuery(consumers=tuple(held)))
    return Records(
        servers=servers,
        busy=frozenset(work.workflows.live(list(servers))),
        providers=providers,
        allocations=whole.allocations if held else (),
        nodes=inspection.node_ids(work),
        strangers={each: group for each, group in strange.items() if each not in servers},
        placings=work.placings.every(),
    )


def _providers(work: UnitOfWork) -> dict[str, Provider]:
    page = work.placement.changes(0)
    found = list(page.providers)
    while page.more is not None:
        page = work.placement.changes(page.sequence, page.more)
        found += page.providers
    return {provider.id: provider for provider in found}


def differences(records: Records, findings: Findings) -> list[str]:
    """Return one sentence per difference; servers that are being worked on are left out."""
    found: list[str] = []
    checks = (_tasks, _guests, _bindings, _leftovers, _allocations, _usages, _ports, _groups)
    for check in checks:
        found.extend(check(records, findings))
    return found


def _settled(records: Records) -> list[Server]:
    return [server for server in records.servers.values() if server.id not in records.busy]


def _tasks(records: Records, findings: Findings) -> Iterator[str]:
    for server in _settled(records):
        if server.task_state is not None:
            yield f"server {server.id} is {server.task_state.value}, but nobody works on it"


def _guests(records: Records, findings: Findings) -> Iterator[str]:
    for host, contents in findings.hosts.items():
        if contents is None:
            yield f"host {host} does not answer"
    for server in _settled(records):
        contents = findings.hosts.get(server.host or "")
        wanted = server.vm_state in _WITH_GUEST and server.launched_at is not None
        if wanted and contents is not None and server.id not in contents.guests:
            yield f"server {server.id} has no guest on its host {server.host}"
        if wanted and server.host not in findings.hosts:
            yield f"server {server.id} is on host {server.host}, which is not known"


def _bindings(records: Records, findings: Findings) -> Iterator[str]:
    for server in _settled(records):
        contents = findings.hosts.get(server.host or "")
        binding = None if contents is None else contents.bindings.get(server.id)
        if binding is not None:
            placing = records.placings.get(server.id, Placing())
            for deviation in deviations(placing, binding):
                yield f"server {server.id}: {deviation}"
    for server_id in sorted(records.placings.keys() - records.servers.keys() - records.busy):
        yield f"processors or devices are kept for server {server_id}, which is not there"


def _leftovers(records: Records, findings: Findings) -> Iterator[str]:
    for host, contents in findings.hosts.items():
        if contents is None:
            continue
        for kind, ids in (("guest", tuple(contents.guests)), ("directory", contents.files)):
            for server_id in ids:
                server = records.servers.get(server_id)
                if server_id in records.busy or (server is not None and server.host == host):
                    continue
                yield f"host {host} has a {kind} of server {server_id}, which is not there"
    known = {f"tap{port_id}"[:_DEVICE_LENGTH] for port_id in findings.ports}
    devices = {
        device
        for contents in findings.hosts.values()
        if contents is not None
        for device in contents.devices
    }
    for device in sorted(devices - known):
        yield f"network device {device} belongs to no port"


def _allocations(records: Records, findings: Findings) -> Iterator[str]:
    held = {allocation.consumer_id: allocation for allocation in records.allocations}
    for consumer_id in sorted(held.keys() - records.servers.keys()):
        if held[consumer_id].consumer_type in (None, "INSTANCE"):
            yield f"consumer {consumer_id} holds resources, but is no server"
    for server in _settled(records):
        allocation = held.get(server.id)
        if server.host is None and allocation is not None:
            yield f"server {server.id} holds resources without being on a host"
        if server.host is not None and server.vm_state in _WITH_GUEST:
            yield from _own_allocation(records, server, allocation)


def _own_allocation(
    records: Records, server: Server, allocation: Allocation | None
) -> Iterator[str]:
    if allocation is None:
        yield f"server {server.id} holds no resources"
        return
    roots = {
        records.providers[provider_id].root_id or provider_id
        for provider_id in allocation.resources
        if provider_id in records.providers
    }
    names = {records.providers[root].name for root in roots if root in records.providers}
    if server.node not in names:
        yield f"server {server.id} on {server.node} holds resources of {', '.join(sorted(names))}"


def _usages(records: Records, findings: Findings) -> Iterator[str]:
    used: Counter[tuple[str, str]] = Counter()
    for allocation in records.allocations:
        for provider_id, amounts in allocation.resources.items():
            for name, amount in amounts.items():
                used[provider_id, name] += amount
    for provider in records.providers.values():
        for name, inventory in provider.inventories.items():
            total = used[provider.id, name]
            if inventory.used != total:
                yield (
                    f"provider {provider.name} counts {inventory.used} {name} as used, "
                    f"its consumers hold {total}"
                )


def _ports(records: Records, findings: Findings) -> Iterator[str]:
    for port_id, server_id in findings.ports.items():
        if server_id not in records.servers:
            yield f"port {port_id} belongs to server {server_id}, which is not there"
    for server in _settled(records):
        if server.vm_state not in _WITH_GUEST:
            continue
        for vif in server.vifs:
            if vif.port_id not in findings.ports:
                yield f"server {server.id} has port {vif.port_id}, which is not there"


def _groups(records: Records, findings: Findings) -> Iterator[str]:
    for server_id, group_id in records.strangers.items():
        yield f"server group {group_id} has the member {server_id}, which is no server"


def report(found: Sequence[str], busy: int) -> str:
    """Return what a person reads: each difference, then how many there are."""
    lines = list(found)
    if busy:
        lines.append(f"{busy} servers are being worked on and were left out")
    lines.append(f"{len(found)} differences")
    return "\n".join(lines)
