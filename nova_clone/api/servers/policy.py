"""Who may do what to servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nova_clone.domain.server.server import Server
from nova_clone.web.policy import ADMIN, MEMBER, READER, Rule

_PREFIX: Final = "os_compute_api:servers:"

INDEX: Final = f"{_PREFIX}index"
DETAIL: Final = f"{_PREFIX}detail"
INDEX_ALL: Final = f"{_PREFIX}index:get_all_tenants"
DETAIL_ALL: Final = f"{_PREFIX}detail:get_all_tenants"
ALL_FILTERS: Final = f"{_PREFIX}allow_all_filters"
SHOW: Final = f"{_PREFIX}show"
FLAVOR_EXTRA_SPECS: Final = f"{_PREFIX}show:flavor-extra-specs"
HOST_STATUS: Final = f"{_PREFIX}show:host_status"
HOST_STATUS_UNKNOWN: Final = f"{_PREFIX}show:host_status:unknown-only"
EXTENDED_ATTRIBUTES: Final = "os_compute_api:os-extended-server-attributes"
CREATE: Final = f"{_PREFIX}create"
FORCED_HOST: Final = f"{_PREFIX}create:forced_host"
REQUESTED_DESTINATION: Final = "compute:servers:create:requested_destination"
ATTACH_VOLUME: Final = f"{_PREFIX}create:attach_volume"
ATTACH_NETWORK: Final = f"{_PREFIX}create:attach_network"
TRUSTED_CERTS: Final = f"{_PREFIX}create:trusted_certs"
ZERO_DISK: Final = f"{_PREFIX}create:zero_disk_flavor"
EXTERNAL_NETWORK: Final = "network:attach_external_network"
UPDATE: Final = f"{_PREFIX}update"
DELETE: Final = f"{_PREFIX}delete"

#: Rules that do not refuse anything but decide what a caller sees of a server.
SEEING: Final = frozenset(
    (EXTENDED_ATTRIBUTES, FLAVOR_EXTRA_SPECS, HOST_STATUS, HOST_STATUS_UNKNOWN)
)

_LIST: Final = (("GET", "/servers"),)
_LIST_DETAIL: Final = (("GET", "/servers/detail"),)
_POST: Final = (("POST", "/servers"),)
_ONE: Final = (("GET", "/servers/{server_id}"),)
_PUT: Final = (("PUT", "/servers/{server_id}"),)
_SHOWN: Final = (*_LIST_DETAIL, *_ONE, *_PUT)

RULES: Final = (
    Rule(name=INDEX, default=READER, description="List servers.", operations=_LIST),
    Rule(name=DETAIL, default=READER, description="List servers, whole.", operations=_LIST_DETAIL),
    Rule(
        name=INDEX_ALL,
        default=ADMIN,
        description="List the servers of all projects.",
        operations=_LIST,
    ),
    Rule(
        name=DETAIL_ALL,
        default=ADMIN,
        description="List the servers of all projects, whole.",
        operations=_LIST_DETAIL,
    ),
    Rule(
        name=ALL_FILTERS,
        default=ADMIN,
        description="Use every filter when listing servers.",
        operations=(*_LIST, *_LIST_DETAIL),
    ),
    Rule(name=SHOW, default=READER, description="Show a server.", operations=_ONE),
    Rule(
        name=FLAVOR_EXTRA_SPECS,
        default=READER,
        description="See the extra specs of a server's flavor.",
        operations=_SHOWN,
    ),
    Rule(
        name=HOST_STATUS,
        default=ADMIN,
        description="See the status of a server's host.",
        operations=_SHOWN,
    ),
    Rule(
        name=HOST_STATUS_UNKNOWN,
        default=ADMIN,
        description="See the status of a server's host when it is unknown.",
        operations=_SHOWN,
    ),
    Rule(
        name=EXTENDED_ATTRIBUTES,
        default=ADMIN,
        description="See where and how a server runs.",
        operations=_SHOWN,
    ),
    Rule(name=CREATE, default=MEMBER, description="Create servers.", operations=_POST),
    Rule(
        name=FORCED_HOST,
        default=ADMIN,
        description="Create a server on a named host, past the filters.",
        operations=_POST,
    ),
    Rule(
        name=REQUESTED_DESTINATION,
        default=ADMIN,
        description="Create a server on a named host that the filters accept.",
        operations=_POST,
    ),
    Rule(
        name=ATTACH_VOLUME,
        default=MEMBER,
        description="Create a server with block devices.",
        operations=_POST,
    ),
    Rule(
        name=ATTACH_NETWORK,
        default=MEMBER,
        description="Create a server with named networks.",
        operations=_POST,
    ),
    Rule(
        name=TRUSTED_CERTS,
        default=MEMBER,
        description="Create a server with trusted image certificates.",
        operations=_POST,
    ),
    Rule(
        name=ZERO_DISK,
        default=ADMIN,
        description="Create a server from an image with a flavor of no disk.",
        operations=_POST,
    ),
    Rule(
        name=EXTERNAL_NETWORK,
        default=ADMIN,
        description="Attach a server to an external network that is not shared.",
        operations=(*_POST, ("POST", "/servers/{server_id}/os-interface")),
    ),
    Rule(name=UPDATE, default=MEMBER, description="Change a server.", operations=_PUT),
    Rule(
        name=DELETE,
        default=MEMBER,
        description="Delete a server.",
        operations=(("DELETE", "/servers/{server_id}"),),
    ),
)


def target_of(server: Server) -> Mapping[str, str]:
    """Return what rules about `server` are checked against."""
    return {"project_id": server.project_id, "user_id": server.user_id}
