"""A conductor that keeps everything in memory: what the API's tests ask."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable
from typing import Any

from nova_clone.contracts import flavors, hosts, keypairs, server_groups, servers
from nova_clone.contracts.compute import ConsoleOutput, ConsoleOutputQuery
from nova_clone.domain.action import Action
from nova_clone.domain.errors import AlreadyExists, Conflict, Invalid, NotFound
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.host import Aggregate, Hypervisor, Service
from nova_clone.domain.identity import RequestContext, new_uuid
from nova_clone.domain.keypair import Keypair
from nova_clone.domain.quota import DEFAULT_LIMITS, Usage
from nova_clone.domain.server.server import Server, ServerBrief
from nova_clone.domain.server_group import ServerGroup
from tests.unit.api.fake_aggregates import FakeAggregates

NOW = dt.datetime(2026, 1, 31, 12, 0, 0, 250000, tzinfo=dt.UTC)


class FakeConductor(FakeAggregates):
    """Holds records in dicts; remembers each request by the name of its verb."""

    def __init__(self) -> None:
        super().__init__()
        self.servers: dict[str, Server] = {}
        self.flavors: dict[str, Flavor] = {}
        self.access: dict[str, set[str]] = {}
        self.keypairs: dict[tuple[str, str], Keypair] = {}
        self.server_groups: dict[str, ServerGroup] = {}
        self.services: dict[str, Service] = {}
        self.hypervisors: dict[str, Hypervisor] = {}
        self.actions: list[Action] = []
        self.overrides: dict[str, dict[str, int]] = {}

    def add(self, *records: Any) -> None:
        """Keep records of any kind."""
        for record in records:
            if isinstance(record, Server):
                self.servers[record.id] = record
            elif isinstance(record, Flavor):
                self.flavors[record.id] = record
            elif isinstance(record, Keypair):
                self.keypairs[record.user_id, record.name] = record
            elif isinstance(record, ServerGroup):
                self.server_groups[record.id] = record
            elif isinstance(record, Service):
                self.services[record.id] = record
            elif isinstance(record, Hypervisor):
                self.hypervisors[record.id] = record
            elif isinstance(record, Aggregate):
                self.aggregates.append(record)
            else:
                raise TypeError(type(record))

    def last(self, verb: str) -> Any:
        """Return the latest request of a verb."""
        return next(request for name, request in reversed(self.asked) if name == verb)

    # Servers

    def create_servers(
        self, context: RequestContext, request: servers.CreateServers
    ) -> servers.CreatedServers:
        self._note("create_servers", request)
        if request.flavor_id not in self.flavors:
            raise Invalid(f"Flavor {request.flavor_id} could not be found.")
        made = tuple(
            Server(
                id=new_uuid(),
                name=request.name,
                project_id=context.project_id or "",
                user_id=context.user_id or "",
                flavor=self.flavors[request.flavor_id],
                image_id=request.image_id,
                created_at=NOW,
            )
            for _ in range(min(request.max_count, 10))
        )
        self.add(*made)
        briefs = tuple(ServerBrief(id=server.id, name=server.name) for server in made)
        return servers.CreatedServers(reservation_id="r-12345678", servers=briefs)

    def delete_server(self, context: RequestContext, request: servers.OperateServer) -> None:
        self._operate("delete_server", context, request)
        del self.servers[request.id]

    def start_server(self, context: RequestContext, request: servers.OperateServer) -> None:
        self._operate("start_server", context, request)

    def stop_server(self, context: RequestContext, request: servers.OperateServer) -> None:
        self._operate("stop_server", context, request)

    def reboot_server(self, context: RequestContext, request: servers.RebootServer) -> None:
        self._operate("reboot_server", context, request)

    def _operate(self, verb: str, context: RequestContext, request: Any) -> None:
        self._note(verb, request)
        if self._visible(context, request.id).locked and not request.ignore_lock:
            raise Conflict(f"Instance {request.id} is locked")

    def update_server(self, context: RequestContext, request: servers.UpdateServer) -> Server:
        self._note("update_server", request)
        changes: dict[str, Any] = dict(request.changes)
        changed = dataclasses.replace(self._visible(context, request.id), **changes)
        self.add(changed)
        return changed

    def change_metadata(self, context: RequestContext, request: servers.ChangeMetadata) -> Server:
        self._note("change_metadata", request)
        server = self._visible(context, request.id)
        metadata = {} if request.replace else dict(server.metadata)
        metadata.update(request.metadata)
        for key in request.remove:
            if key not in metadata:
                raise NotFound("Metadata item was not found")
            del metadata[key]
        changed = dataclasses.replace(server, metadata=metadata)
        self.add(changed)
        return changed

    def show_server(self, context: RequestContext, request: servers.ServerRef) -> Server:
        self._note("show_server", request)
        server = self._visible(context, request.id)
        if server.deleted:
            raise NotFound(f"Instance {request.id} could not be found.")
        return server

    def _visible(self, context: RequestContext, server_id: str) -> Server:
        server = self.servers.get(server_id)
        if server is None or not (context.is_admin or server.project_id == context.project_id):
            raise NotFound(f"Instance {server_id} could not be found.")
        return server

    def list_servers(
        self, context: RequestContext, request: servers.ListServers
    ) -> servers.ServerPage:
        self._note("list_servers", request)
        wanted = request.filters
        found = [
            server
            for server in self.servers.values()
            if wanted.project_id in (None, server.project_id)
            and wanted.deleted in (None, server.deleted)
        ]
        page, more = _page(found, request.page, lambda server: server.id)
        if request.detail:
            return servers.ServerPage(servers=tuple(page), more=more)
        briefs = tuple(ServerBrief(id=server.id, name=server.name) for server in page)
        return servers.ServerPage(briefs=briefs, more=more)

    def list_actions(
        self, context: RequestContext, request: servers.ActionQuery
    ) -> servers.Actions:
        self._note("list_actions", request)
        self._visible(context, request.server_id)
        found = [
            action
            for action in self.actions
            if action.server_id == request.server_id
            and request.request_id in (None, action.request_id)
        ]
        page, more = _page(found, request.page, lambda action: action.request_id)
        if request.request_id is None:
            page = [dataclasses.replace(action, events=()) for action in page]
        return servers.Actions(actions=tuple(page), more=more)

    def limits(self, context: RequestContext, request: servers.LimitsQuery) -> servers.Limits:
        self._note("limits", request)
        mine = [s for s in self.servers.values() if s.project_id == request.project_id]
        usage = Usage(
            instances=len(mine),
            cores=sum(server.flavor.vcpus for server in mine),
            ram=sum(server.flavor.ram for server in mine),
        )
        overrides = self.overrides.get(request.project_id, {})
        return servers.Limits(limits={**DEFAULT_LIMITS, **overrides}, usage=usage)

    def server_metadata(self, context: RequestContext, request: servers.MetadataQuery) -> Server:
        self._note("server_metadata", request)
        server = self.servers.get(request.server_id)
        if server is None or request.project_id not in (None, server.project_id):
            raise NotFound
        return server

    # Flavors and key pairs

    def list_flavors(
        self, context: RequestContext, request: flavors.FlavorQuery
    ) -> flavors.FlavorPage:
        self._note("list_flavors", request)
        found = [
            flavor
            for flavor in self.flavors.values()
            if request.public in (None, flavor.public)
            and (flavor.public or request.all_projects or self._shared(context, flavor.id))
        ]
        page, more = _page(found, request.page, lambda flavor: flavor.id)
        return flavors.FlavorPage(flavors=tuple(page), more=more)

    def _shared(self, context: RequestContext, flavor_id: str) -> bool:
        return context.project_id in self.access.get(flavor_id, set())

    def show_flavor(self, context: RequestContext, request: flavors.FlavorRef) -> Flavor:
        self._note("show_flavor", request)
        flavor = self._flavor(request.id)
        if not (flavor.public or context.is_admin or self._shared(context, flavor.id)):
            raise NotFound(f"Flavor {request.id} could not be found.")
        return flavor

    def _flavor(self, flavor_id: str) -> Flavor:
        if flavor_id not in self.flavors:
            raise NotFound(f"Flavor {flavor_id} could not be found.")
        return self.flavors[flavor_id]

    def create_flavor(self, context: RequestContext, request: flavors.CreateFlavor) -> Flavor:
        self._note("create_flavor", request)
        flavor = dataclasses.replace(request.flavor, id=request.flavor.id or new_uuid())
        if flavor.id in self.flavors:
            raise AlreadyExists(f"Flavor with ID {flavor.id} already exists.")
        self.add(flavor)
        return flavor

    def update_flavor(self, context: RequestContext, request: flavors.UpdateFlavor) -> Flavor:
        self._note("update_flavor", request)
        flavor = self._flavor(request.id)
        specs = {**flavor.extra_specs, **request.set_specs}
        if request.drop_spec is not None:
            if request.drop_spec not in specs:
                raise NotFound
            del specs[request.drop_spec]
        description = request.description if request.describe else flavor.description
        changed = dataclasses.replace(flavor, extra_specs=specs, description=description)
        self.add(changed)
        return changed

    def delete_flavor(self, context: RequestContext, request: flavors.FlavorRef) -> None:
        self._note("delete_flavor", request)
        del self.flavors[self._flavor(request.id).id]

    def change_flavor_access(
        self, context: RequestContext, request: flavors.FlavorAccess
    ) -> flavors.FlavorProjects:
        self._note("change_flavor_access", request)
        projects = self.access.setdefault(self._flavor(request.id).id, set())
        if request.grant == (request.project_id in projects):
            raise Conflict if request.grant else NotFound
        (projects.add if request.grant else projects.remove)(request.project_id)
        return flavors.FlavorProjects(project_ids=tuple(sorted(projects)))

    def flavor_access(
        self, context: RequestContext, request: flavors.FlavorRef
    ) -> flavors.FlavorProjects:
        self._note("flavor_access", request)
        return flavors.FlavorProjects(project_ids=tuple(sorted(self.access.get(request.id, ()))))

    def list_keypairs(
        self, context: RequestContext, request: keypairs.KeypairQuery
    ) -> keypairs.KeypairPage:
        self._note("list_keypairs", request)
        found = sorted(
            (pair for pair in self.keypairs.values() if pair.user_id == request.user_id),
            key=lambda pair: pair.name,
        )
        page, more = _page(found, request.page, lambda pair: pair.name)
        return keypairs.KeypairPage(keypairs=tuple(page), more=more)

    def show_keypair(self, context: RequestContext, request: keypairs.KeypairRef) -> Keypair:
        self._note("show_keypair", request)
        if (request.user_id, request.name) not in self.keypairs:
            raise NotFound(f"Keypair {request.name} not found for user {request.user_id}")
        return self.keypairs[request.user_id, request.name]

    def create_keypair(self, context: RequestContext, request: keypairs.CreateKeypair) -> Keypair:
        self._note("create_keypair", request)
        wanted = request.keypair
        if (wanted.user_id, wanted.name) in self.keypairs:
            raise AlreadyExists(f"Key pair '{wanted.name}' already exists.")
        kept = dataclasses.replace(wanted, created_at=NOW, number=len(self.keypairs) + 1)
        self.add(kept)
        return kept

    def delete_keypair(self, context: RequestContext, request: keypairs.KeypairRef) -> None:
        keypair = self.show_keypair(context, request)
        del self.keypairs[keypair.user_id, keypair.name]

    # Server groups

    def list_server_groups(
        self, context: RequestContext, request: server_groups.ServerGroupQuery
    ) -> server_groups.ServerGroups:
        self._note("list_server_groups", request)
        found = [
            group
            for group in self.server_groups.values()
            if request.project_id in (None, group.project_id)
        ]
        page = found[request.offset :][: request.limit]
        return server_groups.ServerGroups(groups=tuple(page))

    def show_server_group(
        self, context: RequestContext, request: server_groups.ServerGroupRef
    ) -> ServerGroup:
        self._note("show_server_group", request)
        group = self.server_groups.get(request.id)
        if group is None or not (context.is_admin or group.project_id == context.project_id):
            raise NotFound(f"Instance group {request.id} could not be found.")
        return group

    def create_server_group(
        self, context: RequestContext, request: server_groups.CreateServerGroup
    ) -> ServerGroup:
        self._note("create_server_group", request)
        group = ServerGroup(
            id=new_uuid(),
            name=request.name,
            project_id=context.project_id or "",
            user_id=context.user_id or "",
            policy=request.policy,
            max_per_host=request.max_per_host,
        )
        self.add(group)
        return group

    def delete_server_group(
        self, context: RequestContext, request: server_groups.ServerGroupRef
    ) -> None:
        del self.server_groups[self.show_server_group(context, request).id]

    # Hosts

    def list_services(self, context: RequestContext, request: hosts.ServiceQuery) -> hosts.Services:
        self._note("list_services", request)
        return hosts.Services(services=tuple(self._services(request)))

    def _services(self, request: Any) -> list[Service]:
        return [
            service
            for service in self.services.values()
            if request.id in (None, service.id, str(service.number))
            and request.host in (None, service.host)
            and request.binary in (None, service.binary)
        ]

    def update_service(self, context: RequestContext, request: hosts.UpdateService) -> Service:
        self._note("update_service", request)
        found = self._services(request)
        if not found:
            raise NotFound("The service could not be found.")
        changes: dict[str, Any] = {}
        if request.disabled is not None:
            changes |= {"disabled": request.disabled, "disabled_reason": request.disabled_reason}
        if request.forced_down is not None:
            changes["forced_down"] = request.forced_down
        changed = dataclasses.replace(found[0], **changes)
        self.add(changed)
        return changed

    def delete_service(self, context: RequestContext, request: hosts.ServiceQuery) -> None:
        self._note("delete_service", request)
        found = self._services(request)
        if not found:
            raise NotFound("The service could not be found.")
        del self.services[found[0].id]

    def list_hypervisors(
        self, context: RequestContext, request: hosts.HypervisorQuery
    ) -> hosts.HypervisorPage:
        self._note("list_hypervisors", request)
        found = [
            hypervisor
            for hypervisor in self.hypervisors.values()
            if request.id in (None, hypervisor.id, str(hypervisor.number))
            and (request.hostname_pattern or "") in hypervisor.hypervisor_hostname
        ]
        if request.id is not None and not found:
            raise NotFound(f"Hypervisor {request.id} could not be found.")
        page, more = _page(found, request.page, lambda hypervisor: hypervisor.id)
        placed = {
            hypervisor.id: tuple(
                ServerBrief(id=server.id, name=server.name)
                for server in self.servers.values()
                if server.host == hypervisor.host
            )
            for hypervisor in page
        }
        return hosts.HypervisorPage(
            hypervisors=tuple(page), more=more, servers=placed if request.with_servers else {}
        )


class FakeCompute:
    """A host whose consoles all say the same."""

    def __init__(self, host: str) -> None:
        self.host = host

    def console_output(self, context: RequestContext, request: ConsoleOutputQuery) -> ConsoleOutput:
        lines = [f"{self.host}: {request.server.name}", "login:"]
        kept = lines if request.length is None else lines[len(lines) - request.length :]
        return ConsoleOutput(output="\n".join(kept))


def _page(records: Iterable[Any], page: Any, name: Any) -> tuple[list[Any], bool]:
    records = list(records)
    if page.marker is not None:
        names = [name(record) for record in records]
        if page.marker not in names:
            raise Invalid(f"marker [{page.marker}] not found")
        records = records[names.index(page.marker) + 1 :]
    limit = len(records) if page.limit is None else page.limit
    return records[:limit], len(records) > limit
