"""Routers: what connects networks with each other and with the outside."""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import Any, ClassVar

from nova_clone.standalone.network import checks, faults
from nova_clone.standalone.network.attributes import STANDARD, Schema, attribute
from nova_clone.standalone.network.collection import Caller, Collection
from nova_clone.standalone.network.listing import View
from nova_clone.standalone.network.ports import Ports
from nova_clone.standalone.network.records import FixedIp, Network, Port, Router, Subnet
from nova_clone.standalone.network.settings import NetworkSettings
from nova_clone.standalone.network.state import State

INTERFACE = "network:router_interface"
GATEWAY = "network:router_gateway"

_FIXED = checks.mapping({}, {"subnet_id": checks.identifier, "ip_address": checks.address})
_GATEWAY_INFO = checks.mapping(
    {"network_id": checks.identifier},
    {"enable_snat": checks.boolean, "external_fixed_ips": checks.listed(_FIXED)},
)


def _gateway_info(name: str, value: Any) -> dict[str, Any]:
    if value is None or value == {}:
        return {}
    checked: dict[str, Any] = _GATEWAY_INFO(name, value)
    return checked


class Routers(Collection[Router]):
    """The routers of all projects."""

    schema: ClassVar[Schema] = Schema(
        singular="router",
        plural="routers",
        attributes=(
            *STANDARD,
            attribute("admin_state_up", checks.boolean),
            attribute("external_gateway_info", _gateway_info, shown=False),
            attribute("routes", checks.listed(checks.hop, distinct=True), default=()),
            attribute("availability_zone_hints", checks.listed(checks.text()), shown=False),
        ),
    )

    def __init__(self, state: State, settings: NetworkSettings, ports: Ports) -> None:
        super().__init__(state, settings, state.routers)
        self._ports = ports

    def view(self, caller: Caller, record: Router) -> View:
        """Return how the router looks, with its gateway."""
        return {
            **super().view(caller, record),
            "status": "ACTIVE",
            "external_gateway_info": self._gateway_view(record),
            "availability_zones": ["nova"],
            "availability_zone_hints": [],
            "flavor_id": None,
        }

    def gateway(self, router: Router) -> Port | None:
        """Return the router's port on its external network."""
        return next((port for port in self._own(router) if port.device_owner == GATEWAY), None)

    def interfaces(self, router: Router) -> list[Port]:
        """Return the router's ports on the networks it serves."""
        return [port for port in self._own(router) if port.device_owner == INTERFACE]

    def add_interface(self, caller: Caller, key: str, body: Any) -> View:
        """Connect a router with a subnet, named or through a port."""
        with self.state.change():
            router = self._mine(caller, key)
            subnet_id, port_id = _interface_request(body)
            if port_id is not None:
                port = self._adopt(caller, router, port_id)
            else:
                port = self._connect(caller, router, subnet_id or "")
            return _interface_view(router, port)

    def remove_interface(self, caller: Caller, key: str, body: Any) -> View:
        """Disconnect a router from a subnet, named or through a port."""
        with self.state.change():
            router = self._mine(caller, key)
            port = self._named_interface(router, *_interface_request(body, both=True))
            for floating in self.state.floating.by("router", router.id):
                behind = self.state.ports.find(floating.port_id)
                if behind is not None and behind.network_id == port.network_id:
                    raise faults.conflict(
                        "RouterInterfaceInUseByFloatingIP",
                        f"Router interface for subnet {port.fixed_ips[0].subnet_id} on router"
                        f" {router.id} cannot be deleted, as it is required by one or more"
                        " floating IPs.",
                    )
            self._ports.discard(port)
            return _interface_view(router, port)

    def _make(self, caller: Caller, values: dict[str, Any]) -> Router:
        values.pop("availability_zone_hints", None)
        info = values.pop("external_gateway_info", None)
        router = self.table.put(Router(**values))
        if info:
            router = self._open(caller, router, info)
        if router.routes:
            self._check_routes(router)
        return router

    def _change(self, caller: Caller, record: Router, changes: dict[str, Any]) -> Router:
        changes.pop("availability_zone_hints", None)
        info = changes.pop("external_gateway_info", None)
        if info is not None:
            record = self._open(caller, record, info) if info else self._shut(record)
        changed = self._save(record, changes)
        if "routes" in changes:
            self._check_routes(changed)
        return changed

    def _drop(self, caller: Caller, record: Router) -> None:
        if self.interfaces(record):
            raise faults.conflict("RouterInUse", f"Router {record.id} still has ports")
        self._shut(record)
        self.table.remove(record.id)

    def _mine(self, caller: Caller, key: str) -> Router:
        router = self.get(caller, key)
        self._must_own(caller, router, verb="update")
        return router

    def _own(self, router: Router) -> list[Port]:
        # The device of a port is whatever its owner writes there.
        ports = self.state.ports.by("device", router.id)
        return [port for port in ports if port.device_owner in (INTERFACE, GATEWAY)]

    def _open(self, caller: Caller, router: Router, info: dict[str, Any]) -> Router:
        network = self.state.networks.find(info["network_id"])
        if network is None:
            raise faults.not_found("network", info["network_id"])
        if not network.router_external:
            raise faults.bad(f"Network {network.id} is not an external network")
        for name in ("enable_snat", "external_fixed_ips"):
            if name in info and not caller.admin and info[name] not in (True, ()):
                raise faults.forbidden(f"create_router:external_gateway_info:{name}")
        present = self.gateway(router)
        if present is not None and (
            present.network_id != network.id or info.get("external_fixed_ips")
        ):
            router = self._shut(router)
            present = None
        if present is None:
            self._place_gateway(router, network, info.get("external_fixed_ips") or None)
        return self.table.put(
            dataclasses.replace(
                router, gateway_network_id=network.id, enable_snat=info.get("enable_snat", True)
            )
        )

    def _place_gateway(
        self, router: Router, network: Network, wanted: tuple[dict[str, str], ...] | None
    ) -> None:
        mac = self._ports.addresses.new_mac(network.id)
        addresses = self._ports.addresses.choose(network.id, mac, wanted)
        if not addresses:
            raise faults.bad(f"External network {network.id} has no subnet")
        self._ports.make_own(
            Port(
                network_id=network.id,
                mac_address=mac,
                fixed_ips=addresses,
                device_id=router.id,
                device_owner=GATEWAY,
                status="ACTIVE",
                port_security_enabled=False,
                binding_host_id=self.settings.host,
            )
        )

    def _shut(self, router: Router) -> Router:
        if self.state.floating.by("router", router.id):
            raise faults.conflict(
                "RouterExternalGatewayInUseByFloatingIp",
                f"Gateway cannot be updated for router {router.id}, since a gateway to external"
                f" network {router.gateway_network_id} is required by one or more floating IPs.",
            )
        gateway = self.gateway(router)
        if gateway is not None:
            self._ports.discard(gateway)
        return self.table.put(
            dataclasses.replace(router, gateway_network_id=None, enable_snat=True)
        )

    def _connect(self, caller: Caller, router: Router, subnet_id: str) -> Port:
        subnet = self.state.subnets.find(subnet_id)
        network = self.state.networks.find(subnet.network_id) if subnet else None
        usable = network is not None and (
            self.elevated(caller) or network.shared or network.project_id == caller.project_id
        )
        if subnet is None or network is None or not usable:
            raise faults.not_found("subnet", subnet_id)
        if subnet.gateway_ip is None:
            raise faults.bad(f"Subnet {subnet_id} for router interface must have a gateway IP")
        self._check_free(router, subnet)
        mac = self._ports.addresses.new_mac(network.id)
        address = {"subnet_id": subnet.id, "ip_address": subnet.gateway_ip}
        return self._ports.make_own(
            Port(
                project_id=router.project_id,
                network_id=network.id,
                mac_address=mac,
                fixed_ips=self._ports.addresses.choose(network.id, mac, [address]),
                device_id=router.id,
                device_owner=INTERFACE,
                status="ACTIVE",
                port_security_enabled=False,
                binding_host_id=self.settings.host,
            )
        )

    def _adopt(self, caller: Caller, router: Router, port_id: str) -> Port:
        port = self._ports.get(caller, port_id)
        if not self._ports.owns(caller, port):
            raise faults.not_found("port", port_id)
        if port.device_id:
            raise faults.conflict(
                "PortInUse",
                f"Unable to complete operation on port {port.id} for network {port.network_id}."
                f" Port already has an attached device {port.device_id}.",
            )
        if not port.fixed_ips:
            raise faults.bad("A router port must have at least one fixed IP")
        for ip in port.fixed_ips:
            self._check_free(router, self.state.subnets[ip.subnet_id])
        return self._ports.make_own(
            dataclasses.replace(
                port,
                device_id=router.id,
                device_owner=INTERFACE,
                security_groups=(),
                port_security_enabled=False,
                allowed_address_pairs=(),
                binding_host_id=self.settings.host,
                status="ACTIVE",
            )
        )

    def _check_free(self, router: Router, subnet: Subnet) -> None:
        wanted = ipaddress.ip_network(subnet.cidr)
        for port in self._own(router):
            for ip in port.fixed_ips:
                other = self.state.subnets[ip.subnet_id]
                if other.id == subnet.id:
                    raise faults.bad(f"Router already has a port on subnet {subnet.id}")
                network = ipaddress.ip_network(other.cidr)
                if network.version == wanted.version and network.overlaps(wanted):
                    raise faults.bad(
                        f"Cidr {wanted} of subnet {subnet.id} overlaps with cidr {network} of"
                        f" subnet {other.id}"
                    )

    def _named_interface(self, router: Router, subnet_id: str | None, port_id: str | None) -> Port:
        for port in self.interfaces(router):
            if port_id not in (None, port.id):
                continue
            if subnet_id is None or any(ip.subnet_id == subnet_id for ip in port.fixed_ips):
                return port
        if port_id is not None:
            raise faults.Fault(
                404,
                "RouterInterfaceNotFound",
                f"Router {router.id} does not have an interface with id {port_id}",
            )
        raise faults.Fault(
            404,
            "RouterInterfaceNotFoundForSubnet",
            f"Router {router.id} has no interface on subnet {subnet_id}",
        )

    def _check_routes(self, router: Router) -> None:
        reachable = [
            ipaddress.ip_network(self.state.subnets[ip.subnet_id].cidr)
            for port in self._own(router)
            for ip in port.fixed_ips
        ]
        held = {ip.ip_address for port in self._own(router) for ip in port.fixed_ips}
        for route in router.routes:
            hop = ipaddress.ip_address(route["nexthop"])
            if not any(hop in network for network in reachable):
                raise faults.Fault(
                    400,
                    "InvalidRoutes",
                    f"Invalid format for routes: {dict(route)}, the nexthop is not connected with"
                    " router",
                )
            if str(hop) in held:
                raise faults.Fault(
                    400,
                    "InvalidRoutes",
                    f"Invalid format for routes: {dict(route)}, the nexthop is used by router",
                )

    def _gateway_view(self, router: Router) -> View | None:
        port = self.gateway(router)
        if port is None:
            return None
        return {
            "network_id": port.network_id,
            "enable_snat": router.enable_snat,
            "external_fixed_ips": [dataclasses.asdict(ip) for ip in port.fixed_ips],
        }


def _interface_request(body: Any, *, both: bool = False) -> tuple[str | None, str | None]:
    if not isinstance(body, dict):
        raise faults.malformed("Unable to find the interface in request body")
    subnet_id, port_id = body.get("subnet_id"), body.get("port_id")
    if subnet_id is None and port_id is None:
        raise faults.bad("Either subnet_id or port_id must be specified")
    if subnet_id is not None and port_id is not None and not both:
        raise faults.bad("Cannot specify both subnet-id and port-id")
    return (
        None if subnet_id is None else checks.identifier("subnet_id", subnet_id),
        None if port_id is None else checks.identifier("port_id", port_id),
    )


def _interface_view(router: Router, port: Port) -> View:
    subnets = _subnet_ids(port.fixed_ips)
    return {
        "id": router.id,
        "tenant_id": router.project_id,
        "project_id": router.project_id,
        "port_id": port.id,
        "network_id": port.network_id,
        "subnet_id": subnets[0],
        "subnet_ids": subnets,
        "tags": [],
    }


def _subnet_ids(addresses: tuple[FixedIp, ...]) -> list[str]:
    return [ip.subnet_id for ip in addresses]
