"""Accepting new servers: every check first, then one transaction."""

from __future__ import annotations

import contextlib
import dataclasses

from nova_clone.conductor.environment import Environment
from nova_clone.conductor.handlers import hostnames, limits, server_groups, stories
from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.conductor.workflows.build_server import RULE, BuildParams
from nova_clone.conductor.workflows.placing import needs_in
from nova_clone.contracts.servers import CreatedServers, CreateServers
from nova_clone.domain.errors import Conflict, Forbidden, Invalid, NotFound
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.identity import RequestContext, WorkflowId, new_uuid
from nova_clone.domain.image import Image
from nova_clone.domain.keypair import Keypair
from nova_clone.domain.placing import check_hardware
from nova_clone.domain.port import RequestedNetworks
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.domain.server.server import Server, ServerBrief
from nova_clone.domain.server.status import VmState
from nova_clone.domain.server_group import ServerGroup
from nova_clone.workflow.journal import WorkflowRow, new_workflow
from nova_clone.workflow.step import Workflow

GIB = 1024**3
#: Image properties that a server keeps although they are not the guest's own.
_KERNEL, _RAMDISK = "kernel_id", "ramdisk_id"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resolved:
    """A request whose references have been looked up."""

    request: CreateServers
    flavor: Flavor
    image: Image | None
    keypair: Keypair | None
    networks: RequestedNetworks
    network_aggregates: tuple[tuple[str, ...], ...] = ()
    group: ServerGroup | None = None


def create_servers(
    env: Environment, workflow: Workflow, context: RequestContext, request: CreateServers
) -> tuple[CreatedServers, tuple[WorkflowId, ...]]:
    """Record new servers and the work that builds them.

    Returns what was accepted and the workflows to wake. Raises `Invalid`, `Forbidden`,
    `OverQuota` or `Conflict`; nothing has changed then.
    """
    env.store.read(lambda work: _check_cheaply(env, work, context, request))
    image = _image(env, context, request)
    networks = _networks(env, context, request)
    segments = env.networks.segments(context, networks) if env.settings.routed_networks else ()

    def write(work: UnitOfWork) -> tuple[CreatedServers, tuple[WorkflowId, ...]]:
        flavor = _flavor(work, context, request.flavor_id)
        count = limits.admit(env.settings, work, context, request, flavor)
        resolved = Resolved(
            request=request,
            flavor=flavor,
            image=image,
            keypair=_keypair(work, context, request),
            networks=networks,
            network_aggregates=tuple(_reached(work, ids) for ids in segments),
            group=server_groups.wanted(work, context, request, lock=True),
        )
        _check_fits(resolved)
        _check_hardware(env, resolved)
        return _record(env, work, workflow, context, resolved, count)

    created, wake = env.store.run(write)
    env.proposals.announce([server.id for server in created.servers])
    if request.admin_password:
        for server in created.servers:
            env.passwords.keep(server.id, request.admin_password)
    return created, wake


def _check_cheaply(
    env: Environment, work: UnitOfWork, context: RequestContext, request: CreateServers
) -> None:
    """Refuse what can be refused before any other service is asked."""
    flavor = _flavor(work, context, request.flavor_id)
    limits.check_items(env.settings, work, context, request)
    limits.admit(env.settings, work, context, request, flavor, dry_run=True)
    _keypair(work, context, request)
    server_groups.wanted(work, context, request)
    zone = request.availability_zone
    if zone is not None and not _zone_exists(env, work, zone):
        raise Invalid("The requested availability zone is not available")


def _zone_exists(env: Environment, work: UnitOfWork, zone: str) -> bool:
    return zone == env.settings.default_zone or zone in work.hosts.zones().values()


def _flavor(work: UnitOfWork, context: RequestContext, flavor_id: str) -> Flavor:
    try:
        return work.flavors.get(
            flavor_id, project_id=None if context.is_admin else context.project_id
        )
    except NotFound as error:
        raise Invalid(f"Flavor {flavor_id} could not be found.") from error


def _keypair(work: UnitOfWork, context: RequestContext, request: CreateServers) -> Keypair | None:
    if request.key_name is None:
        return None
    try:
        return work.keypairs.get(context.user_id or "", request.key_name)
    except NotFound as error:
        raise Invalid("Invalid key_name provided.") from error


def _image(env: Environment, context: RequestContext, request: CreateServers) -> Image | None:
    if request.image_id is None:
        raise Invalid("Block Device Mapping is Invalid: You must specify images or a boot device.")
    try:
        image = env.images.show(context, request.image_id)
    except NotFound as error:
        raise Invalid(
            f"Cannot find requested image {request.image_id}: it could not be found."
        ) from error
    if image.status != "active":
        raise Invalid(f"Image {image.id} is not active.")
    return image


def _networks(
    env: Environment, context: RequestContext, request: CreateServers
) -> RequestedNetworks:
    try:
        return env.networks.resolve(context, request.networks, request.max_count)
    except NotFound as error:
        raise Invalid(error.message) from error


def _reached(work: UnitOfWork, segments: tuple[str, ...]) -> tuple[str, ...]:
    """Return the aggregates of hosts that one of these segments reaches.

    The network service keeps a provider for each segment, with its aggregates.
    """
    found: set[str] = set()
    for segment in segments:
        with contextlib.suppress(NotFound):
            found.update(work.placement.provider(segment).aggregates)
    return tuple(sorted(found))


def _check_fits(resolved: Resolved) -> None:
    flavor, image = resolved.flavor, resolved.image
    if image is None:
        return
    if flavor.ram < image.min_ram:
        raise Invalid("Flavor's memory is too small for requested image.")
    if flavor.disk == 0:
        if not resolved.request.zero_disk_allowed:
            raise Forbidden("Only volume-backed servers are allowed for flavors with zero disk.")
        return
    if (image.size or 0) > flavor.disk * GIB:
        raise Invalid(
            "Flavor's disk is too small for requested image. Flavor disk is "
            f"{flavor.disk * GIB} bytes, image is {image.size} bytes."
        )
    if image.min_disk > flavor.disk:
        raise Invalid(
            "Flavor's disk is smaller than the minimum size specified in image metadata. Flavor "
            f"disk is {flavor.disk * GIB} bytes, minimum size is {image.min_disk * GIB} bytes."
        )


def _check_hardware(env: Environment, resolved: Resolved) -> None:
    properties = {} if resolved.image is None else resolved.image.properties
    check_hardware(resolved.flavor, properties)
    needs_in(env.settings, resolved.flavor, properties)


def _spec(env: Environment, context: RequestContext, resolved: Resolved) -> RequestSpec:
    request, image = resolved.request, resolved.image
    return RequestSpec(
        flavor=resolved.flavor,
        project_id=context.project_id or "",
        user_id=context.user_id,
        image_id=image.id if image else None,
        image_properties=dict(image.properties) if image else {},
        image_min_disk=image.min_disk if image else 0,
        image_min_ram=image.min_ram if image else 0,
        image_disk_format=image.disk_format if image else None,
        availability_zone=request.availability_zone or env.settings.default_schedule_zone,
        forced_host=request.forced_host,
        forced_node=request.forced_node,
        requested_host=request.requested_host,
        requested_node=request.requested_node,
        hints=request.hints,
        networks=resolved.networks,
        network_aggregates=resolved.network_aggregates,
        group=None if resolved.group is None else server_groups.placement_of(resolved.group),
    )


def _record(
    env: Environment,
    work: UnitOfWork,
    workflow: Workflow,
    context: RequestContext,
    resolved: Resolved,
    count: int,
) -> tuple[CreatedServers, tuple[WorkflowId, ...]]:
    request = resolved.request
    spec = _spec(env, context, resolved)
    reservation = f"r-{new_uuid().replace('-', '')[:8]}"
    params = BuildParams(spec=spec, image=resolved.image, injected_files=request.injected_files)
    servers = tuple(
        _server(env, context, resolved, reservation, index, count) for index in range(count)
    )
    _check_names(env, work, context, servers)
    rows: list[WorkflowRow] = [
        new_workflow(workflow, subject=server.id, params=params, context=context)
        for server in servers
    ]
    ids = tuple(server.id for server in servers)
    if resolved.group is not None:
        server_groups.join(env.settings, work, context, resolved.group, ids)
    work.servers.add_many(servers)
    work.request_specs.add_many({server.id: spec for server in servers})
    work.actions.start_many(stories.begun(work, context, RULE.action, *ids))
    for row in rows:
        env.journal.create(row, work, lease=env.lease)
    created = CreatedServers(
        reservation_id=reservation,
        servers=tuple(ServerBrief(id=server.id, name=server.name) for server in servers),
    )
    return created, tuple(row.id for row in rows)


def _check_names(
    env: Environment, work: UnitOfWork, context: RequestContext, servers: tuple[Server, ...]
) -> None:
    scope = env.settings.unique_name_scope
    if not scope:
        return
    project = context.project_id if scope == "project" else None
    for server in servers:
        if work.servers.name_taken(server.name, project_id=project):
            raise Conflict(
                f"An instance already exists with the name {server.name} in the {scope} scope"
            )


def _server(
    env: Environment,
    context: RequestContext,
    resolved: Resolved,
    reservation: str,
    index: int,
    count: int,
) -> Server:
    request, image, keypair = resolved.request, resolved.image, resolved.keypair
    server_id = new_uuid()
    name = request.name if count == 1 else f"{request.name}-{index + 1}"
    properties = dict(image.properties) if image else {}
    return Server(
        id=server_id,
        name=name,
        project_id=context.project_id or "",
        user_id=context.user_id or "",
        flavor=resolved.flavor,
        vm_state=VmState.BUILDING,
        task_state=RULE.sets,
        hostname=request.hostname or hostnames.from_name(name, server_id),
        description=request.description,
        image_id=image.id if image else None,
        image_properties=properties,
        kernel_id=properties.get(_KERNEL),
        ramdisk_id=properties.get(_RAMDISK),
        key_name=keypair.name if keypair else None,
        public_key=keypair.public_key if keypair else None,
        metadata=request.metadata,
        tags=tuple(sorted(set(request.tags))),
        user_data=request.user_data,
        config_drive=request.config_drive or env.settings.force_config_drive,
        availability_zone=request.availability_zone,
        pinned_zone=request.availability_zone,
        reservation_id=reservation,
        launch_index=index,
        access_ipv4=request.access_ipv4,
        access_ipv6=request.access_ipv6,
        auto_disk_config=request.auto_disk_config,
        security_groups=resolved.networks.security_groups or ("default",),
        trusted_certs=request.trusted_certs,
        scheduler_hints=request.hints,
        server_groups=() if resolved.group is None else (resolved.group.id,),
    )
