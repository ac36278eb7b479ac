"""What the network service keeps: one frozen record per kind.

A field carries the name of its attribute in the API, with ``:`` written as ``_``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from nova_clone.domain.identity import new_uuid


def now() -> str:
    """Return the present second in the form of the API's timestamps."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """What every kind has."""

    id: str = dataclasses.field(default_factory=new_uuid)
    project_id: str = ""
    name: str = ""
    description: str = ""
    created_at: str = dataclasses.field(default_factory=now)
    updated_at: str = dataclasses.field(default_factory=now)
    revision_number: int = 1
    tags: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network(Record):
    """A layer-2 network."""

    admin_state_up: bool = True
    shared: bool = False
    router_external: bool = False
    is_default: bool = False
    mtu: int = 1500
    port_security_enabled: bool = True
    provider_network_type: str = "local"
    provider_physical_network: str | None = None
    provider_segmentation_id: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Subnet(Record):
    """An address range of a network."""

    network_id: str
    ip_version: int
    cidr: str
    gateway_ip: str | None = None
    #: Mappings with ``start`` and ``end``.
    allocation_pools: tuple[Mapping[str, str], ...] = ()
    dns_nameservers: tuple[str, ...] = ()
    #: Mappings with ``destination`` and ``nexthop``.
    host_routes: tuple[Mapping[str, str], ...] = ()
    enable_dhcp: bool = True
    ipv6_ra_mode: str | None = None
    ipv6_address_mode: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class FixedIp:
    """One address of a port."""

    subnet_id: str
    ip_address: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Port(Record):
    """A place where a device is plugged into a network."""

    network_id: str
    mac_address: str
    fixed_ips: tuple[FixedIp, ...] = ()
    admin_state_up: bool = True
    status: str = "DOWN"
    device_id: str = ""
    device_owner: str = ""
    security_groups: tuple[str, ...] = ()
    port_security_enabled: bool = True
    #: Mappings with ``ip_address`` and, if it differs from the port's, ``mac_address``.
    allowed_address_pairs: tuple[Mapping[str, str], ...] = ()
    extra_dhcp_opts: tuple[Mapping[str, Any], ...] = ()
    binding_host_id: str = ""
    binding_vnic_type: str = "normal"
    binding_profile: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    dns_name: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SecurityGroup(Record):
    """A named set of rules that ports refer to."""

    stateful: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class SecurityRule(Record):
    """One kind of traffic that a security group lets pass."""

    security_group_id: str
    direction: str
    ethertype: str = "IPv4"
    protocol: str | None = None
    port_range_min: int | None = None
    port_range_max: int | None = None
    remote_ip_prefix: str | None = None
    remote_group_id: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Router(Record):
    """A router between networks; its ports say which."""

    admin_state_up: bool = True
    #: The external network, or None without a gateway.
    gateway_network_id: str | None = None
    enable_snat: bool = True
    routes: tuple[Mapping[str, str], ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class FloatingIp(Record):
    """An external address that leads to a port's fixed address."""

    floating_network_id: str
    floating_ip_address: str
    #: The port that holds the address on the external network.
    floating_port_id: str
    port_id: str | None = None
    fixed_ip_address: str | None = None
    router_id: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Quota:
    """The limits of one project that differ from the defaults."""

    id: str
    limits: Mapping[str, int] = dataclasses.field(default_factory=dict)
