"""What the conductor answers: each verb hands on to the room that knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from nova_clone.conductor.environment import Environment
from nova_clone.conductor.handlers import (
    aggregates,
    image_caching,
    limits,
    server_changes,
    server_groups,
    steps,
)
from nova_clone.conductor.handlers.create_servers import create_servers
from nova_clone.conductor.handlers.operate import Order, operate
from nova_clone.conductor.queries import hosts as host_queries
from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.conductor.workflows import Workflows
from nova_clone.conductor.workflows.delete_server import DeleteParams
from nova_clone.conductor.workflows.power_server import PowerParams
from nova_clone.contracts import (
    flavors,
    hosts,
    keypairs,
    placement_store,
    servers,
)
from nova_clone.contracts import server_groups as groups
from nova_clone.contracts.aggregates import (
    AggregateMember,
    AggregateRef,
    CacheAggregateImages,
    CreateAggregate,
    ImagesCached,
    UpdateAggregate,
)
from nova_clone.domain.errors import NotFound, Obsolete
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.host import Aggregate, Service
from nova_clone.domain.identity import RequestContext, WorkflowId
from nova_clone.domain.keypair import Keypair
from nova_clone.domain.resources import Provider
from nova_clone.domain.server.lifecycle import Operation
from nova_clone.domain.server.server import Server
from nova_clone.domain.server_group import ServerGroup
from nova_clone.workflow.worker import Worker

T = TypeVar("T")


def visible_project(context: RequestContext) -> str | None:
    """Return the project whose things the caller may see, ``None`` for all of them."""
    return None if context.is_admin else context.project_id or ""


class ConductorService:
    """Implements `ConductorContract`."""

    def __init__(self, env: Environment, worker: Worker, workflows: Workflows) -> None:
        self._env = env
        self._worker = worker
        self._workflows = workflows

    def _read(self, read: Callable[[UnitOfWork], T]) -> T:
        return self._env.store.read(read)

    def _run(self, write: Callable[[UnitOfWork], T]) -> T:
        return self._env.store.run(write)

    def _wake(self, ids: Iterable[WorkflowId]) -> None:
        for workflow_id in ids:
            if not self._worker.submit(workflow_id):
                # Too much to do here: whoever has time may take it up.
                self._env.journal.release(workflow_id, self._worker.lease.owner)

    # Servers

    def create_servers(
        self, context: RequestContext, request: servers.CreateServers
    ) -> servers.CreatedServers:
        """Accept new servers."""
        created, wake = create_servers(self._env, self._workflows.build, context, request)
        self._wake(wake)
        return created

    def delete_server(self, context: RequestContext, request: servers.OperateServer) -> None:
        """Accept a deletion."""
        order = Order(
            server_id=request.id,
            operation=Operation.DELETE,
            workflow=self._workflows.delete,
            params=DeleteParams(),
            ignore_lock=request.ignore_lock,
        )
        self._wake(operate(self._env, context, order))

    def start_server(self, context: RequestContext, request: servers.OperateServer) -> None:
        """Accept a start."""
        self._power(context, request.id, Operation.START, ignore_lock=request.ignore_lock)

    def stop_server(self, context: RequestContext, request: servers.OperateServer) -> None:
        """Accept a stop."""
        self._power(context, request.id, Operation.STOP, ignore_lock=request.ignore_lock)

    def reboot_server(self, context: RequestContext, request: servers.RebootServer) -> None:
        """Accept a reboot."""
        operation = Operation.HARD_REBOOT if request.hard else Operation.SOFT_REBOOT
        self._power(context, request.id, operation, ignore_lock=request.ignore_lock)

    def _power(
        self, context: RequestContext, server_id: str, operation: Operation, *, ignore_lock: bool
    ) -> None:
        order = Order(
            server_id=server_id,
            operation=operation,
            workflow=self._workflows.power,
            params=PowerParams(operation=operation),
            ignore_lock=ignore_lock,
        )
        self._wake(operate(self._env, context, order))

    def update_server(self, context: RequestContext, request: servers.UpdateServer) -> Server:
        """Change attributes of a server."""
        project = visible_project(context)

        def write(work: UnitOfWork) -> Server:
            changed = server_changes.update(self._env.settings, work, project, request)
            return server_groups.shown(work, changed)

        return self._run(write)

    def change_metadata(self, context: RequestContext, request: servers.ChangeMetadata) -> Server:
        """Change a server's metadata."""
        project = visible_project(context)
        return self._run(
            lambda work: server_changes.change_metadata(self._env.settings, work, project, request)
        )

    def show_server(self, context: RequestContext, request: servers.ServerRef) -> Server:
        """Return a server."""

        def read(work: UnitOfWork) -> Server:
            found = work.servers.get(request.id, project_id=visible_project(context))
            return server_groups.shown(work, found)

        return self._read(read)

    def list_servers(
        self, context: RequestContext, request: servers.ListServers
    ) -> servers.ServerPage:
        """Return a page of servers."""
        return self._read(lambda work: work.servers.page(request))

    def list_actions(
        self, context: RequestContext, request: servers.ActionQuery
    ) -> servers.Actions:
        """Return what was done to a server."""

        def read(work: UnitOfWork) -> servers.Actions:
            work.servers.get(request.server_id, project_id=visible_project(context), deleted=True)
            return work.actions.page(request)

        return self._read(read)

    def limits(self, context: RequestContext, request: servers.LimitsQuery) -> servers.Limits:
        """Return limits and use of a project."""
        return self._read(lambda work: limits.show(self._env.settings, work, request))

    def server_metadata(self, context: RequestContext, request: servers.MetadataQuery) -> Server:
        """Return the server behind a metadata request."""
        return self._read(
            lambda work: work.servers.get(request.server_id, project_id=request.project_id)
        )

    # Server groups

    def list_server_groups(
        self, context: RequestContext, request: groups.ServerGroupQuery
    ) -> groups.ServerGroups:
        """Return server groups."""
        return self._read(lambda work: groups.ServerGroups(groups=work.server_groups.page(request)))

    def show_server_group(
        self, context: RequestContext, request: groups.ServerGroupRef
    ) -> ServerGroup:
        """Return a server group."""
        project = visible_project(context)
        return self._read(lambda work: work.server_groups.get(request.id, project_id=project))

    def create_server_group(
        self, context: RequestContext, request: groups.CreateServerGroup
    ) -> ServerGroup:
        """Make a server group."""
        return self._run(
            lambda work: server_groups.create(self._env.settings, work, context, request)
        )

    def delete_server_group(self, context: RequestContext, request: groups.ServerGroupRef) -> None:
        """Delete a server group."""
        project = visible_project(context)
        self._run(lambda work: server_groups.delete(work, request.id, project_id=project))

    # Flavors and key pairs

    def list_flavors(
        self, context: RequestContext, request: flavors.FlavorQuery
    ) -> flavors.FlavorPage:
        """Return flavors the caller may see."""
        return self._read(lambda work: work.flavors.page(request, project_id=context.project_id))

    def show_flavor(self, context: RequestContext, request: flavors.FlavorRef) -> Flavor:
        """Return a flavor the caller may see."""
        return self._read(
            lambda work: work.flavors.get(request.id, project_id=visible_project(context))
        )

    def create_flavor(self, context: RequestContext, request: flavors.CreateFlavor) -> Flavor:
        """Make a flavor."""
        return self._run(lambda work: work.flavors.add(request.flavor))

    def update_flavor(self, context: RequestContext, request: flavors.UpdateFlavor) -> Flavor:
        """Change a flavor."""
        return self._run(lambda work: work.flavors.update(request))

    def delete_flavor(self, context: RequestContext, request: flavors.FlavorRef) -> None:
        """Delete a flavor."""
        self._run(lambda work: work.flavors.delete(request.id))

    def change_flavor_access(
        self, context: RequestContext, request: flavors.FlavorAccess
    ) -> flavors.FlavorProjects:
        """Grant or revoke a private flavor."""
        return self._run(lambda work: work.flavors.change_access(request))

    def flavor_access(
        self, context: RequestContext, request: flavors.FlavorRef
    ) -> flavors.FlavorProjects:
        """Return who may use a private flavor."""
        return self._read(lambda work: work.flavors.access(request.id))

    def list_keypairs(
        self, context: RequestContext, request: keypairs.KeypairQuery
    ) -> keypairs.KeypairPage:
        """Return a user's key pairs."""
        return self._read(lambda work: work.keypairs.page(request))

    def show_keypair(self, context: RequestContext, request: keypairs.KeypairRef) -> Keypair:
        """Return a key pair."""
        return self._read(lambda work: work.keypairs.get(request.user_id, request.name))

    def create_keypair(self, context: RequestContext, request: keypairs.CreateKeypair) -> Keypair:
        """Keep a key pair."""
        return self._run(lambda work: limits.keep_keypair(self._env.settings, work, request))

    def delete_keypair(self, context: RequestContext, request: keypairs.KeypairRef) -> None:
        """Forget a key pair."""
        self._run(lambda work: work.keypairs.delete(request.user_id, request.name))

    # Hosts

    def register_service(self, context: RequestContext, request: hosts.RegisterService) -> Service:
        """Record a daemon."""
        return self._run(lambda work: work.hosts.register_service(request))

    def heartbeat(self, context: RequestContext, request: hosts.Heartbeat) -> None:
        """Record that a daemon is alive."""
        if not self._run(lambda work: host_queries.beat(work, request)):
            raise Obsolete("What this host has reported is not what is on record.")

    def report_host(self, context: RequestContext, request: hosts.HostReport) -> None:
        """Record what a host has."""
        self._run(lambda work: host_queries.record_report(work, request))

    def metrics_measured(self, context: RequestContext, request: hosts.HostMetrics) -> None:
        """Keep what a host's monitors measured."""
        self._run(lambda work: work.hosts.save_metrics(request.node_uuid, request.metrics))

    def step_finished(self, context: RequestContext, request: hosts.StepFinished) -> None:
        """Take the end of a step."""
        self._worker.resume(
            WorkflowId(request.ticket.workflow_id),
            epoch=request.ticket.epoch,
            step=request.ticket.step,
            outcome=steps.outcome_of(request),
        )

    def stage_reached(self, context: RequestContext, request: hosts.StageReached) -> None:
        """Show the stage that an operation has reached."""
        self._run(lambda work: steps.record_stage(work, request))

    def host_servers(self, context: RequestContext, request: hosts.HostRef) -> hosts.HostServers:
        """Return the servers of a host and the steps that wait for it."""
        return self._read(lambda work: host_queries.servers_of(work, request.host))

    def power_observed(self, context: RequestContext, request: hosts.PowerObserved) -> None:
        """Bring a server's record in line with its guest."""

        def write(work: UnitOfWork) -> None:
            if self._env.journal.live(request.server_id, work) is None:
                server_changes.power_observed(work, request)

        self._run(write)

    def host_feed(
        self, context: RequestContext, request: placement_store.ChangesSince
    ) -> hosts.HostFeed:
        """Return hosts that changed."""
        return self._read(lambda work: work.hosts.feed(request.sequence))

    def similar_servers(
        self, context: RequestContext, request: hosts.SimilarServersQuery
    ) -> hosts.SimilarServers:
        """Count servers with such images."""
        found = self._read(lambda work: work.hosts.similar_servers(request.properties))
        return hosts.SimilarServers(hosts=found)

    def list_services(self, context: RequestContext, request: hosts.ServiceQuery) -> hosts.Services:
        """Return services."""
        return self._read(lambda work: hosts.Services(services=work.hosts.services(request)))

    def update_service(self, context: RequestContext, request: hosts.UpdateService) -> Service:
        """Change a service's standing."""
        return self._run(lambda work: host_queries.update_service(work, request))

    def delete_service(self, context: RequestContext, request: hosts.ServiceQuery) -> None:
        """Forget a service, and a compute's provider with it."""
        self._run(lambda work: host_queries.delete_service(work, request))

    def list_hypervisors(
        self, context: RequestContext, request: hosts.HypervisorQuery
    ) -> hosts.HypervisorPage:
        """Return hypervisors."""
        return self._read(lambda work: work.hosts.hypervisors(request))

    # Aggregates

    def list_aggregates(self, context: RequestContext) -> hosts.Aggregates:
        """Return every aggregate."""
        return self._read(lambda work: hosts.Aggregates(aggregates=work.aggregates.list()))

    def show_aggregate(self, context: RequestContext, request: AggregateRef) -> Aggregate:
        """Return an aggregate."""
        return self._read(lambda work: work.aggregates.get(request.id))

    def create_aggregate(self, context: RequestContext, request: CreateAggregate) -> Aggregate:
        """Make an aggregate."""
        return self._run(lambda work: aggregates.create(work, request))

    def update_aggregate(self, context: RequestContext, request: UpdateAggregate) -> Aggregate:
        """Change an aggregate."""
        return self._run(lambda work: aggregates.update(work, request))

    def delete_aggregate(self, context: RequestContext, request: AggregateRef) -> None:
        """Delete an aggregate."""
        self._run(lambda work: aggregates.delete(work, request.id))

    def add_aggregate_host(self, context: RequestContext, request: AggregateMember) -> Aggregate:
        """Add a host to an aggregate."""
        return self._run(lambda work: aggregates.add_host(work, request))

    def remove_aggregate_host(self, context: RequestContext, request: AggregateMember) -> Aggregate:
        """Take a host out of an aggregate."""
        return self._run(lambda work: aggregates.remove_host(work, request))

    def cache_aggregate_images(
        self, context: RequestContext, request: CacheAggregateImages
    ) -> None:
        """Begin to bring images to the hosts of an aggregate."""
        image_caching.cache_images(self._env, context, request)

    def images_cached(self, context: RequestContext, request: ImagesCached) -> None:
        """Let the next host have its turn."""
        image_caching.ask_next(self._env, context, request)

    # Placement

    def placement_changes(
        self, context: RequestContext, request: placement_store.ChangesSince
    ) -> placement_store.PlacementChanges:
        """Return what was committed after a change number."""
        return self._read(lambda work: work.placement.changes(request.sequence, request.after))

    def put_provider(
        self, context: RequestContext, request: placement_store.PutProvider
    ) -> Provider:
        """Make or change a provider."""
        return self._run(lambda work: work.placement.put_provider(request))

    def delete_provider(
        self, context: RequestContext, request: placement_store.ProviderRef
    ) -> None:
        """Delete a provider."""
        self._run(lambda work: work.placement.delete_provider(request.id))

    def put_inventories(
        self, context: RequestContext, request: placement_store.PutInventories
    ) -> Provider:
        """Replace inventories."""
        return self._run(lambda work: work.placement.put_inventories(request))

    def put_traits(self, context: RequestContext, request: placement_store.PutTraits) -> Provider:
        """Replace traits."""
        return self._run(lambda work: work.placement.put_traits(request))

    def put_aggregates(
        self, context: RequestContext, request: placement_store.PutAggregates
    ) -> Provider:
        """Replace aggregates."""
        return self._run(lambda work: work.placement.put_aggregates(request))

    def put_allocations(
        self, context: RequestContext, request: placement_store.PutAllocations
    ) -> None:
        """Commit claims."""
        self._run(lambda work: work.placement.put_allocations(request))

    def delete_allocations(
        self, context: RequestContext, request: placement_store.ConsumerRef
    ) -> None:
        """Take away everything that a consumer holds."""
        if not self._run(lambda work: work.placement.release(request.id)):
            raise NotFound(f"No allocations for consumer '{request.id}'")

    def reshape(self, context: RequestContext, request: placement_store.Reshape) -> None:
        """Move inventories and allocations."""
        self._run(lambda work: work.placement.reshape(request))

    def allocations(
        self, context: RequestContext, request: placement_store.AllocationQuery
    ) -> placement_store.Allocations:
        """Return allocations."""
        return self._read(lambda work: work.placement.allocations(request))

    def usages(
        self, context: RequestContext, request: placement_store.UsageQuery
    ) -> placement_store.Usages:
        """Return what a project uses."""
        return self._read(lambda work: work.placement.usages(request))

    def ensure_resource_class(
        self, context: RequestContext, request: placement_store.NameRef
    ) -> placement_store.Ensured:
        """Make a custom resource class unless it exists."""
        return self._ensure(lambda work: work.placement.ensure_resource_class(request.name))

    def rename_resource_class(
        self, context: RequestContext, request: placement_store.RenameClass
    ) -> None:
        """Rename a custom resource class."""
        self._run(lambda work: work.placement.rename_resource_class(request.name, request.new_name))

    def delete_resource_class(
        self, context: RequestContext, request: placement_store.NameRef
    ) -> None:
        """Delete a custom resource class."""
        self._run(lambda work: work.placement.delete_resource_class(request.name))

    def ensure_trait(
        self, context: RequestContext, request: placement_store.NameRef
    ) -> placement_store.Ensured:
        """Make a custom trait unless it exists."""
        return self._ensure(lambda work: work.placement.ensure_trait(request.name))

    def delete_trait(self, context: RequestContext, request: placement_store.NameRef) -> None:
        """Delete a custom trait."""
        self._run(lambda work: work.placement.delete_trait(request.name))

    def _ensure(self, write: Callable[[UnitOfWork], bool]) -> placement_store.Ensured:
        return placement_store.Ensured(created=self._run(write))
