"""Every path of the compute API, and what serves it."""

from __future__ import annotations

from nova_clone.api.aggregates.resource import (
    Aggregate,
    AggregateImages,
    Aggregates,
    aggregate_actions,
)
from nova_clone.api.availability_zones.resource import AvailabilityZones
from nova_clone.api.environment import Environment
from nova_clone.api.extensions.resource import Extension, Extensions
from nova_clone.api.flavor_access.resource import FlavorAccessList, flavor_actions
from nova_clone.api.flavor_extra_specs.resource import ExtraSpec, ExtraSpecs
from nova_clone.api.flavors.resource import Flavor, Flavors, FlavorsDetail
from nova_clone.api.hypervisors.resource import Hypervisor, Hypervisors
from nova_clone.api.instance_actions.resource import InstanceAction, InstanceActions
from nova_clone.api.interfaces.resource import Interface, Interfaces
from nova_clone.api.keypairs.resource import Keypair, Keypairs
from nova_clone.api.limits.resource import Limits
from nova_clone.api.quota_sets.resource import QuotaSet
from nova_clone.api.server_actions.resource import aliased_actions, server_actions
from nova_clone.api.server_groups.resource import ServerGroup, ServerGroups
from nova_clone.api.server_ips.resource import ServerAddresses, ServerNetworkAddresses
from nova_clone.api.server_metadata.resource import ServerMetadata, ServerMetadataItem
from nova_clone.api.servers.resource import Server, Servers, ServersDetail
from nova_clone.api.services.resource import Service, Services
from nova_clone.api.versions.resource import VersionById, VersionDocument, VersionList
from nova_clone.api.volume_attachments.resource import VolumeAttachment, VolumeAttachments
from nova_clone.web.app import Route


def routes(env: Environment) -> tuple[Route, ...]:
    """Return the routes."""
    return (
        Route("/", VersionList(), versioned=False),
        Route("", VersionDocument()),
        Route("/versions/{version_id}", VersionById()),
        Route("/extensions", Extensions()),
        Route("/extensions/{alias}", Extension()),
        *_servers(env),
        *_parts_of_servers(env),
        *_flavors(env),
        *_hosts(env),
        Route("/limits", Limits(env)),
        Route("/os-keypairs", Keypairs(env)),
        Route("/os-keypairs/{name}", Keypair(env)),
        Route("/os-server-groups", ServerGroups(env)),
        Route("/os-server-groups/{group_id}", ServerGroup(env)),
        Route("/os-quota-sets/{project_id}", QuotaSet(env)),
        Route("/os-quota-sets/{project_id}/detail", QuotaSet(env), suffix="detail"),
        Route("/os-quota-sets/{project_id}/defaults", QuotaSet(env), suffix="defaults"),
    )


def _servers(env: Environment) -> tuple[Route, ...]:
    servers, detail, server = Servers(env), ServersDetail(env), Server(env)
    return (
        Route("/servers", servers),
        Route("/servers/detail", detail),
        Route("/servers/{server_id}", server),
        Route("/servers/{server_id}/action", server_actions(env)),
        Route("/os-volumes_boot", servers, until="2.102"),
        Route("/os-volumes_boot/detail", detail, until="2.102"),
        Route("/os-volumes_boot/{server_id}", server, until="2.102"),
        Route("/os-volumes_boot/{server_id}/action", aliased_actions(env), until="2.102"),
    )


def _parts_of_servers(env: Environment) -> tuple[Route, ...]:
    server = "/servers/{server_id}"
    volumes = f"{server}/os-volume_attachments"
    return (
        Route(f"{server}/ips", ServerAddresses(env)),
        Route(f"{server}/ips/{{label}}", ServerNetworkAddresses(env)),
        Route(f"{server}/metadata", ServerMetadata(env)),
        Route(f"{server}/metadata/{{key}}", ServerMetadataItem(env)),
        Route(f"{server}/os-instance-actions", InstanceActions(env)),
        Route(f"{server}/os-instance-actions/{{request_id}}", InstanceAction(env)),
        Route(f"{server}/os-interface", Interfaces(env)),
        Route(f"{server}/os-interface/{{port_id}}", Interface(env)),
        Route(volumes, VolumeAttachments(env)),
        Route(f"{volumes}/{{volume_id}}", VolumeAttachment(env)),
    )


def _flavors(env: Environment) -> tuple[Route, ...]:
    flavor = "/flavors/{flavor_id}"
    return (
        Route("/flavors", Flavors(env)),
        Route("/flavors/detail", FlavorsDetail(env)),
        Route(flavor, Flavor(env)),
        Route(f"{flavor}/action", flavor_actions(env)),
        Route(f"{flavor}/os-extra_specs", ExtraSpecs(env)),
        Route(f"{flavor}/os-extra_specs/{{key}}", ExtraSpec(env)),
        Route(f"{flavor}/os-flavor-access", FlavorAccessList(env)),
    )


def _hosts(env: Environment) -> tuple[Route, ...]:
    zones, hypervisors, hypervisor = AvailabilityZones(env), Hypervisors(env), Hypervisor(env)
    one = "/os-hypervisors/{hypervisor_id}"
    return (
        Route("/os-aggregates", Aggregates(env)),
        Route("/os-aggregates/{aggregate_id}", Aggregate(env)),
        Route("/os-aggregates/{aggregate_id}/action", aggregate_actions(env)),
        Route("/os-aggregates/{aggregate_id}/images", AggregateImages(env)),
        Route("/os-availability-zone", zones),
        Route("/os-availability-zone/detail", zones, suffix="detail"),
        Route("/os-services", Services(env)),
        Route("/os-services/{service_id}", Service(env)),
        Route("/os-hypervisors", hypervisors),
        Route("/os-hypervisors/detail", hypervisors, suffix="detail"),
        Route("/os-hypervisors/statistics", hypervisors, suffix="statistics"),
        Route(one, hypervisor),
        Route(f"{one}/uptime", hypervisor, suffix="uptime"),
        Route(f"{one}/search", hypervisor, suffix="search"),
        Route(f"{one}/servers", hypervisor, suffix="servers"),
    )
