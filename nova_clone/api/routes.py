"""Every path of the compute API, and what serves it."""

from __future__ import annotations

from nova_clone.api.environment import Environment
from nova_clone.api.flavor_access.resource import FlavorAccessList, flavor_actions
from nova_clone.api.flavor_extra_specs.resource import ExtraSpec, ExtraSpecs
from nova_clone.api.flavors.resource import Flavor, Flavors, FlavorsDetail
from nova_clone.api.keypairs.resource import Keypair, Keypairs
from nova_clone.api.server_actions.resource import aliased_actions, server_actions
from nova_clone.api.servers.resource import Server, Servers, ServersDetail
from nova_clone.api.versions.resource import VersionById, VersionDocument, VersionList
from nova_clone.web.app import Route


def routes(env: Environment) -> tuple[Route, ...]:
    """Return the routes."""
    return (
        Route("/", VersionList(), versioned=False),
        Route("", VersionDocument()),
        Route("/versions/{version_id}", VersionById()),
        *_servers(env),
        Route("/flavors", Flavors(env)),
        Route("/flavors/detail", FlavorsDetail(env)),
        Route("/flavors/{flavor_id}", Flavor(env)),
        Route("/flavors/{flavor_id}/action", flavor_actions(env)),
        Route("/flavors/{flavor_id}/os-extra_specs", ExtraSpecs(env)),
        Route("/flavors/{flavor_id}/os-extra_specs/{key}", ExtraSpec(env)),
        Route("/flavors/{flavor_id}/os-flavor-access", FlavorAccessList(env)),
        Route("/os-keypairs", Keypairs(env)),
        Route("/os-keypairs/{name}", Keypair(env)),
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
