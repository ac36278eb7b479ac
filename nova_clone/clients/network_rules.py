"""The rules by which the networks of a new server are accepted, whatever tells of them."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Collection, Sequence
from typing import Protocol

from nova_clone.domain import errors
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.port import (
    Network,
    NetworkMode,
    RequestedNetwork,
    RequestedNetworks,
    Subnet,
)
from nova_clone.domain.resources import RequestGroup

#: The group that the network service gives a port by itself.
DEFAULT_GROUP = "default"

_IN_USE = "Port {} is still in use."


@dataclasses.dataclass(frozen=True, kw_only=True)
class FoundPort:
    """What the rules look at of an existing port."""

    id: str
    network_id: str
    project_id: str
    device_id: str = ""
    #: False only where an address should have been given and was not.
    addressed: bool = True
    subnet_ids: tuple[str, ...] = ()
    vnic_type: str = "normal"
    request_groups: tuple[RequestGroup, ...] = ()
    same_subtree: tuple[tuple[str, ...], ...] = ()


class Lookup(Protocol):
    """What can be asked about networks, for one caller."""

    def networks(self, ids: Collection[str]) -> list[Network]:
        """Return those of the networks that the caller can see."""

    def available(self) -> list[Network]:
        """Return the networks that belong to the caller's project or to everybody."""

    def subnets(self, network_id: str) -> tuple[Subnet, ...]:
        """Return the subnets of a network."""

    def ports(self, ids: Collection[str]) -> list[FoundPort]:
        """Return those of the ports that exist."""

    def is_taken(self, network_id: str, address: str) -> bool:
        """Tell whether a port of the network has the address."""

    def room(self) -> int | None:
        """Return how many more ports the project may have, None for any number."""

    def groups(self, name: str) -> list[str]:
        """Return the ids of the project's security groups with this name or id."""

    def topology(self) -> str | None:
        """Return the network made for the project without being asked, if that is possible."""


def resolve(
    lookup: Lookup, context: RequestContext, requested: RequestedNetworks, count: int
) -> RequestedNetworks:
    """Return the concrete networks for `count` servers, mode LISTED or NONE.

    Raises Invalid, Conflict, Forbidden, OverQuota or NotFound as Nova's create does.
    """
    if requested.mode is NetworkMode.NONE:
        return RequestedNetworks(mode=NetworkMode.NONE, security_groups=requested.security_groups)
    items = requested.items if requested.mode is NetworkMode.LISTED else ()
    if not items:
        items = _chosen(lookup, context, requested.mode)
        if not items:
            return RequestedNetworks(
                mode=NetworkMode.NONE, security_groups=requested.security_groups
            )
    _check_count(items, count)
    ports = _check_ports(lookup, context, items)
    items = tuple(_of_port(item, ports[item.port_id]) if item.port_id else item for item in items)
    _check_networks(lookup, context, items, requested.security_groups)
    _check_groups(lookup, requested.security_groups)
    _check_room(lookup, sum(1 for item in items if not item.port_id) * count)
    return RequestedNetworks(
        mode=NetworkMode.LISTED, items=items, security_groups=requested.security_groups
    )


def segments(lookup: Lookup, requested: RequestedNetworks) -> tuple[tuple[str, ...], ...]:
    """Return, for each network that has segments, those that its port could be on."""
    asked = [item.port_id for item in requested.items if item.port_id]
    ports = {port.id: port for port in lookup.ports(asked)} if asked else {}
    found = []
    for item in requested.items:
        subnets = lookup.subnets(item.network_id or "")
        port = ports.get(item.port_id or "")
        if port is not None and port.subnet_ids:
            subnets = tuple(subnet for subnet in subnets if subnet.id in port.subnet_ids)
        elif item.fixed_ip:
            address = ipaddress.ip_address(item.fixed_ip)
            subnets = tuple(
                subnet for subnet in subnets if address in ipaddress.ip_network(subnet.cidr)
            )
        found.append(tuple(sorted({one.segment_id for one in subnets if one.segment_id})))
    return tuple(dict.fromkeys(ids for ids in found if ids))


def _of_port(item: RequestedNetwork, port: FoundPort) -> RequestedNetwork:
    return dataclasses.replace(
        item,
        network_id=port.network_id,
        vnic_type=port.vnic_type,
        request_groups=port.request_groups,
        same_subtree=port.same_subtree,
    )


def group_id(lookup: Lookup, name: str) -> str:
    """Return the id of a security group, or raise Invalid or Conflict."""
    found = lookup.groups(name)
    if not found:
        raise errors.Invalid(f"Security group {name} not found.")
    if len(found) > 1:
        raise errors.Conflict(
            f"Multiple security groups found matching '{name}'. Use an ID to be more specific."
        )
    return found[0]


def _chosen(
    lookup: Lookup, context: RequestContext, mode: NetworkMode
) -> tuple[RequestedNetwork, ...]:
    available = lookup.available()
    if mode is NetworkMode.AUTO:
        available = [network for network in available if network.subnet_ids]
    if len(available) > 1:
        raise errors.Conflict(
            "Multiple possible networks found, use a Network ID to be more specific."
        )
    if available:
        return (RequestedNetwork(network_id=available[0].id),)
    if mode is not NetworkMode.AUTO:
        return ()
    network_id = lookup.topology()
    if network_id is None:
        raise errors.Invalid(
            f"Unable to automatically allocate a network for project {context.project_id}"
        )
    return (RequestedNetwork(network_id=network_id),)


def _check_count(items: Sequence[RequestedNetwork], count: int) -> None:
    if count <= 1:
        return
    if any(item.port_id for item in items):
        raise errors.Invalid(
            "Unable to launch multiple instances with a single configured port ID."
            " Please launch your instance one by one with different ports."
        )
    if any(item.fixed_ip for item in items):
        raise errors.Invalid(
            "Invalid fixed network: unable to launch multiple instances with one fixed IP address."
        )


def _check_ports(
    lookup: Lookup, context: RequestContext, items: Sequence[RequestedNetwork]
) -> dict[str | None, FoundPort]:
    asked = [item.port_id for item in items if item.port_id]
    if not asked:
        return {}
    found: dict[str | None, FoundPort] = {port.id: port for port in lookup.ports(asked)}
    for at, port_id in enumerate(asked):
        if port_id in asked[:at]:
            raise errors.Invalid(f"Duplicate port {port_id}.")
        port = found.get(port_id)
        if port is None:
            raise errors.NotFound(f"Port id {port_id} could not be found.")
        if port.project_id != context.project_id:
            raise errors.Invalid(f"Port {port_id} not usable for this project.")
        if port.device_id:
            raise errors.Conflict(_IN_USE.format(port_id))
        if not port.addressed:
            raise errors.Invalid(f"Port {port_id} requires a FixedIP in order to be used.")
    return found


def _check_networks(
    lookup: Lookup,
    context: RequestContext,
    items: Sequence[RequestedNetwork],
    groups: Sequence[str],
) -> None:
    asked = {item.network_id for item in items if item.network_id and not item.port_id}
    if not asked:
        return
    found = {network.id: network for network in lookup.networks(sorted(asked))}
    for item in items:
        if item.port_id:
            continue
        network = found.get(item.network_id or "")
        if network is None:
            raise errors.NotFound(f"Network {item.network_id} could not be found.")
        _check_network(context, network, groups)
        if item.fixed_ip:
            _check_address(lookup, network, item.fixed_ip)


def _check_network(context: RequestContext, network: Network, groups: Sequence[str]) -> None:
    if network.external and not network.shared and not context.is_admin:
        raise errors.Forbidden(
            f"It is not allowed to create an interface on external network {network.id}"
        )
    # Asking for the default group alone is what everybody does who asks for nothing.
    special = any(name != DEFAULT_GROUP for name in groups)
    if special and not (network.port_security and network.subnet_ids):
        raise errors.Invalid(
            "Network requires port_security_enabled and subnet associated in order to apply"
            " security groups."
        )


def _check_address(lookup: Lookup, network: Network, address: str) -> None:
    try:
        wanted = ipaddress.ip_address(address)
    except ValueError:
        raise errors.Invalid(f"Invalid fixed IP Address {address} in request.") from None
    if not any(wanted in ipaddress.ip_network(s.cidr) for s in lookup.subnets(network.id)):
        raise errors.Invalid(
            f"Fixed IP {address} is not a valid ip address for network {network.id}."
        )
    if lookup.is_taken(network.id, str(wanted)):
        raise errors.Invalid(f"Fixed IP {address} is already in use.")


def _check_groups(lookup: Lookup, names: Sequence[str]) -> None:
    for name in names:
        if name != DEFAULT_GROUP:
            group_id(lookup, name)


def _check_room(lookup: Lookup, needed: int) -> None:
    if not needed:
        return
    room = lookup.room()
    if room is not None and room < needed:
        raise errors.OverQuota("Maximum number of ports exceeded")
