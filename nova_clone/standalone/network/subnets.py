"""Subnets: the address ranges of networks."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Sequence
from typing import Any, ClassVar

from nova_clone.standalone.network import checks, faults
from nova_clone.standalone.network.attributes import ABSENT, REQUIRED, STANDARD, Schema, attribute
from nova_clone.standalone.network.collection import Caller, Collection
from nova_clone.standalone.network.listing import View
from nova_clone.standalone.network.networks import Networks
from nova_clone.standalone.network.ports import Ports
from nova_clone.standalone.network.records import Network, Subnet
from nova_clone.standalone.network.settings import NetworkSettings
from nova_clone.standalone.network.state import State

_V6_MODE = checks.optional(checks.one_of("slaac", "dhcpv6-stateful", "dhcpv6-stateless"))

Pool = dict[str, str]


class Subnets(Collection[Subnet]):
    """The subnets of all networks."""

    schema: ClassVar[Schema] = Schema(
        singular="subnet",
        plural="subnets",
        attributes=(
            *STANDARD,
            attribute("network_id", checks.identifier, default=REQUIRED, update=False),
            attribute("ip_version", checks.integer(4, 6), update=False),
            attribute("cidr", checks.cidr, default=REQUIRED, update=False),
            attribute("gateway_ip", checks.optional(checks.address), default=ABSENT),
            attribute(
                "allocation_pools",
                checks.optional(
                    checks.listed(checks.mapping({"start": checks.address, "end": checks.address}))
                ),
            ),
            attribute("dns_nameservers", checks.listed(checks.address, distinct=True), default=()),
            attribute("host_routes", checks.listed(checks.hop, distinct=True), default=()),
            attribute("enable_dhcp", checks.boolean, default=True),
            attribute("ipv6_ra_mode", _V6_MODE, default=None, update=False),
            attribute("ipv6_address_mode", _V6_MODE, default=None, update=False),
            attribute("subnetpool_id", checks.optional(checks.identifier), shown=False),
        ),
    )
    shortcuts: ClassVar[dict[str, str]] = {"network_id": "network"}

    def __init__(
        self, state: State, settings: NetworkSettings, networks: Networks, ports: Ports
    ) -> None:
        super().__init__(state, settings, state.subnets)
        self._networks = networks
        self._ports = ports

    def visible(self, caller: Caller, record: Subnet) -> bool:
        """Tell whether `caller` owns `record` or may use its network."""
        network = self.state.networks.find(record.network_id)
        return super().visible(caller, record) or (
            network is not None and (network.shared or network.project_id == caller.project_id)
        )

    def view(self, caller: Caller, record: Subnet) -> View:
        """Return how `record` looks."""
        return {
            **super().view(caller, record),
            "subnetpool_id": None,
            "service_types": [],
            "router:external": self.state.networks[record.network_id].router_external,
        }

    def _make(self, caller: Caller, values: dict[str, Any]) -> Subnet:
        network = self._networks.get(caller, values["network_id"])
        if not self._networks.owns(caller, network):
            raise faults.forbidden("create_subnet")
        if values.pop("subnetpool_id", None) is not None:
            raise faults.bad("subnet pools are not supported")
        _check_modes(values)
        self._check_overlap(network, values["cidr"])
        values["gateway_ip"] = _gateway(values)
        values["allocation_pools"] = _pools(values)
        _check_hops(values)
        subnet = self.table.put(Subnet(**values))
        self._ports.renew_dhcp(network)
        return subnet

    def _change(self, caller: Caller, record: Subnet, changes: dict[str, Any]) -> Subnet:
        changes.pop("subnetpool_id", None)
        values = {
            "cidr": record.cidr,
            "ip_version": record.ip_version,
            "allocation_pools": record.allocation_pools,
            "gateway_ip": record.gateway_ip,
            "dns_nameservers": record.dns_nameservers,
            "host_routes": record.host_routes,
            **changes,
        }
        if changes.get("gateway_ip", record.gateway_ip) != record.gateway_ip:
            values["gateway_ip"] = _gateway(values)
            self._check_gateway_free(record)
        if changes.keys() & {"gateway_ip", "allocation_pools"}:
            changes["allocation_pools"] = _pools(values)
        _check_hops(values)
        changed = self._save(record, changes)
        self._ports.renew_dhcp(self.state.networks[record.network_id])
        return changed

    def _drop(self, caller: Caller, record: Subnet) -> None:
        for port in self.state.ports.by("subnet", record.id):
            if port.device_owner != "network:dhcp":
                raise faults.conflict(
                    "SubnetInUse",
                    f"Unable to complete operation on subnet {record.id}: One or more ports have"
                    " an IP allocation from this subnet.",
                )
        self.table.remove(record.id)
        self._ports.addresses.forget(record.id)
        self._ports.renew_dhcp(self.state.networks[record.network_id])

    def _check_overlap(self, network: Network, cidr: str) -> None:
        wanted = ipaddress.ip_network(cidr)
        for other in self.state.subnets.by("network", network.id):
            if wanted.version == other.ip_version and wanted.overlaps(
                ipaddress.ip_network(other.cidr)
            ):
                raise faults.bad(
                    f"Requested subnet with cidr: {cidr} for network: {network.id} overlaps with"
                    " another subnet"
                )

    def _check_gateway_free(self, record: Subnet) -> None:
        old = record.gateway_ip
        holder = self.state.ports.one("address", (record.id, old)) if old else None
        if holder is not None and holder.device_owner == "network:router_interface":
            raise faults.conflict(
                "GatewayIpInUse",
                f"Current gateway ip {old} already in use by port {holder.id}. Unable to update.",
            )


def _check_modes(values: dict[str, Any]) -> None:
    version = ipaddress.ip_network(values["cidr"]).version
    if values.setdefault("ip_version", version) != version:
        raise faults.bad(
            f"cidr '{values['cidr']}' does not match the ip_version '{values['ip_version']}'"
        )
    ra_mode, address_mode = values["ipv6_ra_mode"], values["ipv6_address_mode"]
    if version == 4 and (ra_mode or address_mode):
        raise faults.bad("ipv6_ra_mode or ipv6_address_mode cannot be set when ip_version is 4")
    if ra_mode and address_mode and ra_mode != address_mode:
        raise faults.bad(
            f"ipv6_ra_mode set to '{ra_mode}' with ipv6_address_mode set to '{address_mode}'"
            " is not valid"
        )
    if address_mode in ("slaac", "dhcpv6-stateless"):
        prefix = ipaddress.ip_network(values["cidr"]).prefixlen
        if prefix != 64:
            raise faults.bad(f"{address_mode} needs a prefix length of 64, not {prefix}")
    if values.get("enable_dhcp") is False and (ra_mode or address_mode):
        raise faults.bad("ipv6 modes need enable_dhcp")


def _gateway(values: dict[str, Any]) -> str | None:
    network = ipaddress.ip_network(values["cidr"])
    if "gateway_ip" not in values:
        if network.num_addresses == 1:
            return None
        return str(network[0] if network.prefixlen == network.max_prefixlen - 1 else network[1])
    given: str | None = values["gateway_ip"]
    if given is None:
        return None
    gateway = ipaddress.ip_address(given)
    if gateway.version != network.version:
        raise faults.bad(f"gateway_ip '{given}' does not match the ip_version")
    if gateway not in network:
        raise faults.bad(f"Gateway is not valid on subnet: {given} is outside of {network}")
    if network.version == 4 and network.prefixlen < 31 and gateway in (network[0], network[-1]):
        raise faults.bad(f"Gateway is not valid on subnet: {given}")
    return given


def _pools(values: dict[str, Any]) -> tuple[Pool, ...]:
    given: Sequence[Pool] | None = values.get("allocation_pools")
    network = ipaddress.ip_network(values["cidr"])
    gateway = values["gateway_ip"]
    if given is None:
        return _default_pools(network, gateway)
    spans: list[tuple[int, int]] = []
    for pool in given:
        start, end = ipaddress.ip_address(pool["start"]), ipaddress.ip_address(pool["end"])
        if start not in network or end not in network or int(start) > int(end):
            raise faults.Fault(
                400,
                "InvalidAllocationPool" if int(start) > int(end) else "OutOfBoundsAllocationPool",
                f"The allocation pool {start}-{end} spans beyond the subnet cidr {network}.",
            )
        spans.append((int(start), int(end)))
        if gateway and int(start) <= int(ipaddress.ip_address(gateway)) <= int(end):
            raise faults.conflict(
                "GatewayConflictWithAllocationPools",
                f"Gateway ip {gateway} conflicts with allocation pool {start}-{end}.",
            )
    spans.sort()
    for (_, end_before), (start_after, _) in itertools.pairwise(spans):
        if start_after <= end_before:
            raise faults.conflict(
                "OverlappingAllocationPools", f"Found overlapping allocation pools for {network}."
            )
    return tuple(given)


def _default_pools(
    network: ipaddress.IPv4Network | ipaddress.IPv6Network, gateway: str | None
) -> tuple[Pool, ...]:
    first, last = int(network[0]), int(network[-1])
    if network.version == 4 and network.prefixlen < 31:
        first, last = first + 1, last - 1
    elif network.version == 6 and network.prefixlen < 127:
        first += 1
    spans = [(first, last)]
    if gateway is not None:
        at = int(ipaddress.ip_address(gateway))
        spans = [(first, min(last, at - 1)), (max(first, at + 1), last)]
    make = ipaddress.IPv4Address if network.version == 4 else ipaddress.IPv6Address
    return tuple(
        {"start": str(make(start)), "end": str(make(end))} for start, end in spans if start <= end
    )


def _check_hops(values: dict[str, Any]) -> None:
    version = values["ip_version"]
    for route in values["host_routes"]:
        if ipaddress.ip_address(route["nexthop"]).version != version:
            raise faults.bad(f"host route {route} does not match the ip_version {version}")
