"""Bodies of the Networking API v2.0 and the records they stand for. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nova_clone.clients.network_rules import FoundPort
from nova_clone.domain.port import (
    FixedAddress,
    Network,
    PortNeeds,
    RequestedNetwork,
    Subnet,
    Vif,
)
from nova_clone.domain.resources import RequestGroup
from nova_clone.domain.server.server import Server

Body = Mapping[str, Any]

#: The key of a port's binding profile that holds what Nova notes there. Tenants cannot
#: write profiles, so what is noted can be trusted.
NOTE = "nova"
#: The key that tells the network service which providers give a port what it needs.
ALLOCATION = "allocation"
_DEVICE_NAME_LENGTH = 14


def network(body: Body) -> Network:
    """Return the network that a body describes."""
    return Network(
        id=body["id"],
        name=body.get("name") or "",
        project_id=body.get("project_id") or body.get("tenant_id"),
        shared=bool(body.get("shared")),
        external=bool(body.get("router:external")),
        mtu=body.get("mtu") or None,
        port_security=bool(body.get("port_security_enabled", True)),
        subnet_ids=tuple(body.get("subnets") or ()),
    )


def subnet(body: Body) -> Subnet:
    """Return the subnet that a body describes."""
    return Subnet(
        id=body["id"],
        cidr=body["cidr"],
        version=body["ip_version"],
        gateway=body.get("gateway_ip"),
        dns=tuple(body.get("dns_nameservers") or ()),
        routes=tuple(
            (route["destination"], route["nexthop"]) for route in body.get("host_routes") or ()
        ),
        dhcp=bool(body.get("enable_dhcp")),
        ipv6_address_mode=body.get("ipv6_address_mode"),
        segment_id=body.get("segment_id"),
    )


def found_port(body: Body) -> FoundPort:
    """Return what the rules look at of the port in a body."""
    allocation = body.get("ip_allocation") or "immediate"
    return FoundPort(
        id=body["id"],
        network_id=body["network_id"],
        project_id=body.get("project_id") or body.get("tenant_id") or "",
        device_id=body.get("device_id") or "",
        addressed=bool(body.get("fixed_ips")) or allocation in ("none", "deferred"),
        subnet_ids=tuple(one["subnet_id"] for one in body.get("fixed_ips") or ()),
        vnic_type=body.get("binding:vnic_type") or "normal",
        request_groups=_request_groups(body),
        same_subtree=_same_subtree(body),
    )


def _request_groups(body: Body) -> tuple[RequestGroup, ...]:
    """Return what a port needs of the host; a group's suffix is its id, or else the port's."""
    asked = body.get("resource_request") or {}
    groups = asked.get("request_groups")
    if groups is None:
        groups = [{"id": body["id"], **asked}] if asked.get("resources") else []
    return tuple(
        RequestGroup(
            suffix=group["id"],
            resources={name: int(amount) for name, amount in group["resources"].items()},
            required=tuple(frozenset({trait}) for trait in group.get("required") or ()),
        )
        for group in groups
    )


def _same_subtree(body: Body) -> tuple[tuple[str, ...], ...]:
    tied = (body.get("resource_request") or {}).get("same_subtree")
    return (tuple(tied),) if tied else ()


def port_needs(body: Body) -> PortNeeds:
    """Return what the port in a body needs, and who gives it that."""
    told = (body.get("binding:profile") or {}).get(ALLOCATION) or {}
    return PortNeeds(
        port_id=body["id"],
        request_groups=_request_groups(body),
        same_subtree=_same_subtree(body),
        allocation={body["id"]: told} if isinstance(told, str) else dict(told),
    )


def note_of(body: Body) -> Body:
    """Return what Nova noted on the port in a body."""
    note = (body.get("binding:profile") or {}).get(NOTE)
    return note if isinstance(note, dict) else {}


def belongs_to(body: Body, server_id: str) -> bool:
    """Tell whether Nova gave the port in a body to the server.

    Its device proves nothing: a tenant may write any server there.
    """
    return body.get("device_id") == server_id and note_of(body).get("server") == server_id


def is_made(body: Body) -> bool:
    """Tell whether Nova made the port in a body for its server."""
    return bool(note_of(body).get("made"))


def place_of(body: Body) -> int:
    """Return the place of the port in a body among its server's."""
    place = note_of(body).get("place")
    return place if isinstance(place, int) else 1000


def device_owner(server: Server) -> str:
    """Return the owner that a server's ports show."""
    return f"compute:{server.availability_zone or 'nova'}"


def new_port(
    server: Server,
    item: RequestedNetwork,
    *,
    place: int,
    host: str,
    groups: Sequence[str] | None,
) -> dict[str, Any]:
    """Return the body that makes and binds a port for a server's interface."""
    body: dict[str, Any] = {
        "network_id": item.network_id,
        "project_id": server.project_id,
        "admin_state_up": True,
        "device_id": server.id,
        "device_owner": device_owner(server),
        "binding:host_id": host,
        "binding:profile": {NOTE: _note(server, item, place, made=True)},
    }
    if item.fixed_ip:
        body["fixed_ips"] = [{"ip_address": item.fixed_ip}]
    if groups is not None:
        body["security_groups"] = list(groups)
    return body


def taken_port(
    server: Server, item: RequestedNetwork, present: Body, *, place: int, host: str
) -> dict[str, Any]:
    """Return the changes that make an existing port a server's interface."""
    profile = allocated(present, item)
    return {
        "device_id": server.id,
        "device_owner": device_owner(server),
        "binding:host_id": host,
        "binding:profile": {**profile, NOTE: _note(server, item, place, made=False)},
    }


def allocated(present: Body, item: RequestedNetwork) -> dict[str, Any]:
    """Return the binding profile of an existing port with the providers of what it needs.

    By the port binding extension that is a map from request groups to providers, or the one
    provider alone for a port whose needs have the older form.
    """
    profile = _profile_without(present, ALLOCATION)
    if not item.allocation:
        return profile
    alone = item.allocation.get(present["id"])
    return {**profile, ALLOCATION: dict(item.allocation) if alone is None else alone}


def _profile_without(present: Body, *keys: str) -> dict[str, Any]:
    profile = present.get("binding:profile") or {}
    return {key: value for key, value in profile.items() if key not in keys}


def given_back(present: Body) -> dict[str, Any]:
    """Return the changes that make a server's port a free one."""
    profile = _profile_without(present, NOTE, ALLOCATION)
    return {
        "device_id": "",
        "device_owner": "",
        "binding:host_id": "",
        "binding:profile": profile,
    }


def vif(
    body: Body,
    known: Network | None,
    subnets: Sequence[Subnet],
    floating: Mapping[str, Sequence[str]],
) -> Vif:
    """Return the interface that a port is; ``floating`` is by fixed address."""
    by_id = {one.id: one for one in subnets}
    used = {ip["subnet_id"] for ip in body.get("fixed_ips") or ()}
    note = note_of(body)
    return Vif(
        port_id=body["id"],
        network_id=body["network_id"],
        network_label=known.name if known else "",
        mac_address=body["mac_address"],
        addresses=tuple(
            FixedAddress(
                address=ip["ip_address"],
                subnet_id=ip["subnet_id"],
                version=6 if ":" in ip["ip_address"] else 4,
                floating=tuple(floating.get(ip["ip_address"], ())),
            )
            for ip in body.get("fixed_ips") or ()
        ),
        subnets=tuple(one for key, one in by_id.items() if key in used),
        vif_type=body.get("binding:vif_type") or "unbound",
        vif_details=body.get("binding:vif_details") or {},
        vnic_type=body.get("binding:vnic_type") or "normal",
        device_name=f"tap{body['id']}"[:_DEVICE_NAME_LENGTH],
        mtu=known.mtu if known else None,
        active=body.get("status") == "ACTIVE",
        tag=note.get("tag"),
        owned=is_made(body),
        security_groups=tuple(body.get("security_groups") or ()),
    )


def _note(server: Server, item: RequestedNetwork, place: int, *, made: bool) -> dict[str, Any]:
    note = {"server": server.id, "place": place, "made": made}
    return note if item.tag is None else {**note, "tag": item.tag}
