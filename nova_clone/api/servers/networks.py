"""The networks that a new server asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from nova_clone.api.servers.requests import ONLY_NETWORK
from nova_clone.domain.errors import Invalid
from nova_clone.domain.port import NetworkMode, RequestedNetwork, RequestedNetworks

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_MODES: Final = {
    "auto": NetworkMode.AUTO,
    "none": NetworkMode.NONE,
    ONLY_NETWORK: NetworkMode.DEFAULT,
}


def requested_networks(server: Mapping[str, Any]) -> RequestedNetworks:
    """Return the interfaces that a body asks for; raises `Invalid`."""
    asked = server["networks"]
    named = [group["name"] for group in server.get("security_groups", ()) if "name" in group]
    groups = tuple(dict.fromkeys(named))
    if isinstance(asked, str):
        return RequestedNetworks(mode=_MODES[asked], security_groups=groups)
    if not asked:
        return RequestedNetworks(mode=NetworkMode.DEFAULT, security_groups=groups)
    items = tuple(_network(item) for item in asked)
    ports = [item.port_id for item in items if item.port_id]
    if len(ports) != len(set(ports)):
        raise Invalid("A port cannot be requested more than once.")
    return RequestedNetworks(mode=NetworkMode.LISTED, items=items, security_groups=groups)


def _network(item: Mapping[str, Any]) -> RequestedNetwork:
    port_id, network_id, fixed_ip = item.get("port"), item.get("uuid"), item.get("fixed_ip")
    if port_id is not None:
        if fixed_ip is not None:
            raise Invalid(
                f"Specified Fixed IP '{fixed_ip}' cannot be used with port '{port_id}': "
                "the two cannot be specified together."
            )
        return RequestedNetwork(port_id=port_id, tag=item.get("tag"))
    if network_id is None:
        raise Invalid("Bad network format: missing 'uuid'")
    if not _UUID.fullmatch(network_id):
        raise Invalid(
            f"Bad networks format: network uuid is not in proper format ({network_id[:64]})"
        )
    return RequestedNetwork(network_id=network_id, fixed_ip=fixed_ip, tag=item.get("tag"))
