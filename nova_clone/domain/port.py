"""Networks a server asked for, and the ports it got."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any

from nova_clone.domain.resources import RequestGroup


class NetworkMode(enum.Enum):
    """How the networks of a new server are chosen."""

    AUTO = "auto"
    NONE = "none"
    LISTED = "listed"
    #: Before microversion 2.37 an empty list meant "the only network there is".
    DEFAULT = "default"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RequestedNetwork:
    """One network interface that a new server should have.

    ``request_groups`` is what an existing port needs of the host (bandwidth), each group
    from one provider; ``same_subtree`` names groups whose providers must be close. Once
    resources are claimed, ``allocation`` maps the suffix of each group to its provider.
    """

    network_id: str | None = None
    port_id: str | None = None
    fixed_ip: str | None = None
    tag: str | None = None
    vnic_type: str = "normal"
    request_groups: tuple[RequestGroup, ...] = ()
    same_subtree: tuple[tuple[str, ...], ...] = ()
    allocation: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PortNeeds:
    """What a server's port needs of the host, and which provider it is told to have it from.

    ``allocation`` is by suffix of group.
    """

    port_id: str
    request_groups: tuple[RequestGroup, ...]
    same_subtree: tuple[tuple[str, ...], ...] = ()
    allocation: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RequestedNetworks:
    """Every interface that a new server should have, in order."""

    mode: NetworkMode = NetworkMode.AUTO
    items: tuple[RequestedNetwork, ...] = ()
    security_groups: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network:
    """A layer-2 network as the network service shows it."""

    id: str
    name: str = ""
    project_id: str | None = None
    shared: bool = False
    external: bool = False
    mtu: int | None = None
    port_security: bool = True
    subnet_ids: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Subnet:
    """One address range of a network."""

    id: str
    cidr: str
    version: int = 4
    gateway: str | None = None
    dns: tuple[str, ...] = ()
    #: Pairs of destination and next hop.
    routes: tuple[tuple[str, str], ...] = ()
    dhcp: bool = True
    ipv6_address_mode: str | None = None
    #: The segment of a routed network that it is on.
    segment_id: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class FixedAddress:
    """An address of a port, with the floating addresses that lead to it."""

    address: str
    subnet_id: str
    version: int = 4
    floating: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Vif:
    """A bound port as a hypervisor plugs it and the API shows it."""

    port_id: str
    network_id: str
    network_label: str = ""
    mac_address: str = ""
    addresses: tuple[FixedAddress, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    vif_type: str = "unbound"
    vif_details: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    vnic_type: str = "normal"
    #: Name of the host's network device, at most 14 characters.
    device_name: str = ""
    mtu: int | None = None
    active: bool = False
    tag: str | None = None
    #: True when the port was made for the server and goes away with it.
    owned: bool = True
    security_groups: tuple[str, ...] = ()
