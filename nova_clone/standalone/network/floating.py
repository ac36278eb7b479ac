"""Floating addresses: external addresses that lead to fixed ones."""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import Any, ClassVar

from nova_clone.standalone.network import checks, faults
from nova_clone.standalone.network.attributes import (
    REQUIRED,
    STANDARD,
    Schema,
    attribute,
    read_only,
)
from nova_clone.standalone.network.collection import Caller, Collection
from nova_clone.standalone.network.listing import View
from nova_clone.standalone.network.ports import Ports
from nova_clone.standalone.network.records import FixedIp, FloatingIp, Port
from nova_clone.standalone.network.routers import Routers
from nova_clone.standalone.network.settings import NetworkSettings
from nova_clone.standalone.network.state import State

OWNER = "network:floatingip"

_ID = checks.optional(checks.identifier)
_ADDRESS = checks.optional(checks.address)


class FloatingIps(Collection[FloatingIp]):
    """The floating addresses of all projects."""

    schema: ClassVar[Schema] = Schema(
        singular="floatingip",
        plural="floatingips",
        attributes=(
            *(known for known in STANDARD if known.name != "name"),
            attribute("floating_network_id", checks.identifier, default=REQUIRED, update=False),
            attribute("floating_ip_address", _ADDRESS, update=False),
            attribute("subnet_id", _ID, update=False, shown=False),
            attribute("port_id", _ID),
            attribute("fixed_ip_address", _ADDRESS),
            read_only("router_id"),
        ),
    )
    shortcuts: ClassVar[dict[str, str]] = {"port_id": "port", "router_id": "router"}

    def __init__(
        self, state: State, settings: NetworkSettings, ports: Ports, routers: Routers
    ) -> None:
        super().__init__(state, settings, state.floating)
        self._ports = ports
        self._routers = routers

    def view(self, caller: Caller, record: FloatingIp) -> View:
        """Return how the floating address looks, with what it leads to."""
        port = self.state.ports.find(record.port_id)
        details = None
        if port is not None:
            details = {
                "name": port.name,
                "network_id": port.network_id,
                "mac_address": port.mac_address,
                "admin_state_up": port.admin_state_up,
                "status": port.status,
                "device_id": port.device_id,
                "device_owner": port.device_owner,
            }
        return {
            **super().view(caller, record),
            "status": "ACTIVE" if port is not None else "DOWN",
            "port_details": details,
            "port_forwardings": [],
            "qos_policy_id": None,
        }

    def _make(self, caller: Caller, values: dict[str, Any]) -> FloatingIp:
        network = self.state.networks.find(values["floating_network_id"])
        if network is None:
            raise faults.not_found("network", values["floating_network_id"])
        if not network.router_external:
            raise faults.bad(f"Network {network.id} is not a valid external network")
        record_id = FloatingIp(
            floating_network_id="", floating_ip_address="", floating_port_id=""
        ).id
        port = self._place(record_id, network.id, values)
        target, fixed = values.pop("port_id", None), values.pop("fixed_ip_address", None)
        if fixed and not target:
            raise faults.bad("Specifying a fixed address needs a port_id")
        values["floating_ip_address"] = port.fixed_ips[0].ip_address
        record = FloatingIp(id=record_id, floating_port_id=port.id, **values)
        if target:
            record = self._lead(caller, record, target, fixed)
        return self.table.put(record)

    def _change(self, caller: Caller, record: FloatingIp, changes: dict[str, Any]) -> FloatingIp:
        fixed = changes.pop("fixed_ip_address", None)
        if "port_id" in changes:
            target = changes.pop("port_id")
            record = (
                self._lead(caller, record, target, fixed)
                if target
                else dataclasses.replace(
                    record, port_id=None, fixed_ip_address=None, router_id=None
                )
            )
        elif fixed:
            if record.port_id is None:
                raise faults.bad("fixed_ip_address needs a port_id")
            record = self._lead(caller, record, record.port_id, fixed)
        return self._save(record, changes)

    def _drop(self, caller: Caller, record: FloatingIp) -> None:
        self.table.remove(record.id)
        port = self.state.ports.find(record.floating_port_id)
        if port is not None:
            self._ports.discard(port)

    def _place(self, record_id: str, network_id: str, values: dict[str, Any]) -> Port:
        """Take the external address with a port of its own."""
        subnet_id, address = values.pop("subnet_id", None), values.pop("floating_ip_address", None)
        wanted: dict[str, str] = {}
        if address:
            wanted["ip_address"] = address
        if subnet_id:
            wanted["subnet_id"] = subnet_id
        if not wanted:
            wanted = {"subnet_id": self._subnet_with_room(network_id)}
        mac = self._ports.addresses.new_mac(network_id)
        return self._ports.make_own(
            Port(
                network_id=network_id,
                mac_address=mac,
                fixed_ips=self._ports.addresses.choose(network_id, mac, [wanted]),
                device_id=record_id,
                device_owner=OWNER,
                status="N/A",
                port_security_enabled=False,
            )
        )

    def _subnet_with_room(self, network_id: str) -> str:
        """Return an IPv4 subnet of the network, with a free address if there is any."""
        subnets = [s for s in self.state.subnets.by("network", network_id) if s.ip_version == 4]
        if not subnets:
            raise faults.bad(f"Network {network_id} does not contain any IPv4 subnet")
        for subnet in subnets:
            size = sum(
                int(ipaddress.ip_address(pool["end"]))
                - int(ipaddress.ip_address(pool["start"]))
                + 1
                for pool in subnet.allocation_pools
            )
            if self.state.ports.count("subnet", subnet.id) < size:
                return subnet.id
        return subnets[0].id

    def _lead(
        self, caller: Caller, record: FloatingIp, port_id: str, fixed: str | None
    ) -> FloatingIp:
        port = self._ports.get(caller, port_id)
        if port.project_id != record.project_id and not caller.admin:
            raise faults.not_found("port", port_id)
        target = _target(port, fixed)
        for other in self.state.floating.by("port", port.id):
            if other.id != record.id and other.fixed_ip_address == target.ip_address:
                raise faults.conflict(
                    "FloatingIPPortAlreadyAssociated",
                    f"Cannot associate floating IP {record.floating_ip_address} ({record.id}) with"
                    f" port {port.id} using fixed IP {target.ip_address}, as that fixed IP already"
                    f" has a floating IP on external network {other.floating_network_id}.",
                )
        return dataclasses.replace(
            record,
            port_id=port.id,
            fixed_ip_address=target.ip_address,
            router_id=self._router(record, target),
        )

    def _router(self, record: FloatingIp, target: FixedIp) -> str:
        for port in self.state.ports.by("subnet", target.subnet_id):
            router = self.state.routers.find(port.device_id)
            if router is None or port not in self._routers.interfaces(router):
                continue
            if router.gateway_network_id == record.floating_network_id:
                return router.id
        raise faults.Fault(
            404,
            "ExternalGatewayForFloatingIPNotFound",
            f"External network {record.floating_network_id} is not reachable from subnet"
            f" {target.subnet_id}. Therefore, cannot associate Port {record.port_id} with a"
            " Floating IP.",
        )


def _target(port: Port, fixed: str | None) -> FixedIp:
    addresses = [ip for ip in port.fixed_ips if ipaddress.ip_address(ip.ip_address).version == 4]
    if fixed is not None:
        for ip in addresses:
            if ip.ip_address == fixed:
                return ip
        raise faults.bad(f"Port {port.id} does not have fixed ip {fixed}")
    if not addresses:
        raise faults.bad(
            f"Cannot add floating IP to port {port.id} that has no fixed IPv4 addresses"
        )
    if len(addresses) > 1:
        raise faults.bad(
            f"Port {port.id} has multiple fixed IPv4 addresses. Must provide a specific IPv4"
            " address when assigning a floating IP"
        )
    return addresses[0]
