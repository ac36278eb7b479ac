"""Ports: where guests, DHCP servers and routers are plugged into networks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from nova_clone.standalone.network import checks, faults
from nova_clone.standalone.network.addresses import Addresses, is_managed
from nova_clone.standalone.network.attributes import (
    ABSENT,
    REQUIRED,
    STANDARD,
    Schema,
    Who,
    attribute,
    read_only,
)
from nova_clone.standalone.network.collection import Caller, Collection
from nova_clone.standalone.network.listing import View
from nova_clone.standalone.network.names import bridge_name
from nova_clone.standalone.network.records import FixedIp, Network, Port
from nova_clone.standalone.network.security import Groups
from nova_clone.standalone.network.settings import NetworkSettings
from nova_clone.standalone.network.state import State

DHCP = "network:dhcp"
#: Owners whose ports go away only with what they belong to.
_PROTECTED = (
    "network:router_interface",
    "network:router_gateway",
    "network:floatingip",
)
#: Owners that only the service itself writes: whoever has them is wired to a router.
_RESERVED = (DHCP, *_PROTECTED)
_VNIC_TYPES = (
    "normal",
    "direct",
    "macvtap",
    "baremetal",
    "direct-physical",
    "virtio-forwarder",
    "smart-nic",
    "remote-managed",
    "vdpa",
)

_FIXED_IPS = checks.optional(
    checks.listed(
        checks.mapping(
            {},
            {
                "subnet_id": checks.identifier,
                "ip_address": checks.address,
            },
        )
    )
)
_PAIR = checks.mapping({"ip_address": checks.cidr}, {"mac_address": checks.mac})
_DHCP_OPTION = checks.mapping(
    {"opt_name": checks.text(64), "opt_value": checks.optional(checks.text())},
    {"ip_version": checks.integer(4, 6)},
)


def _pair(name: str, value: Any) -> dict[str, str]:
    checked: dict[str, str] = _PAIR(name, value)
    # A single address is shown without its prefix length.
    address, _, length = checked["ip_address"].partition("/")
    if length == ("128" if ":" in address else "32"):
        checked["ip_address"] = address
    return checked


class Ports(Collection[Port]):
    """The ports of all projects."""

    schema: ClassVar[Schema] = Schema(
        singular="port",
        plural="ports",
        attributes=(
            *STANDARD,
            attribute("network_id", checks.identifier, default=REQUIRED, update=False),
            attribute("mac_address", checks.optional(checks.mac)),
            attribute("fixed_ips", _FIXED_IPS, default=ABSENT),
            attribute("admin_state_up", checks.boolean),
            read_only("status"),
            attribute("device_id", checks.text()),
            attribute("device_owner", checks.text()),
            attribute(
                "security_groups", checks.optional(checks.listed(checks.text(), distinct=True))
            ),
            attribute("port_security_enabled", checks.boolean),
            attribute("allowed_address_pairs", checks.listed(_pair, distinct=True), default=()),
            attribute("extra_dhcp_opts", checks.listed(_DHCP_OPTION), default=()),
            attribute(
                "binding:host_id",
                checks.optional(checks.text()),
                write=Who.ADMIN,
                read=Who.ADMIN,
            ),
            attribute("binding:vnic_type", checks.one_of(*_VNIC_TYPES)),
            attribute("binding:profile", checks.anything(), write=Who.ADMIN, read=Who.ADMIN),
            attribute("dns_name", checks.dns_label),
        ),
    )
    shortcuts: ClassVar[dict[str, str]] = {
        "device_id": "device",
        "network_id": "network",
        "project_id": "project",
        "tenant_id": "project",
    }

    def __init__(self, state: State, settings: NetworkSettings, groups: Groups) -> None:
        super().__init__(state, settings, state.ports)
        self.addresses = Addresses(state)
        self._groups = groups

    def elevated(self, caller: Caller) -> bool:
        """Tell whether `caller` is an administrator or one of the cloud's services."""
        return caller.admin or caller.service

    def visible(self, caller: Caller, record: Port) -> bool:
        """Tell whether `caller` owns the port or its network."""
        return self.owns(caller, record) or self._owns_network(caller, record.network_id)

    def owns(self, caller: Caller, record: Port) -> bool:
        """Tell whether `caller` may change the port."""
        if is_managed(record) and not record.project_id:
            return self.elevated(caller)
        return super().owns(caller, record)

    def view(self, caller: Caller, record: Port) -> View:
        """Return how the port looks, with the addresses as mappings."""
        view = super().view(caller, record)
        view["fixed_ips"] = [
            {"subnet_id": ip.subnet_id, "ip_address": ip.ip_address} for ip in record.fixed_ips
        ]
        view["allowed_address_pairs"] = [
            {"mac_address": record.mac_address, **pair} for pair in record.allowed_address_pairs
        ]
        view["ip_allocation"] = "immediate" if record.fixed_ips else "none"
        view["dns_assignment"] = self._dns_assignment(record)
        if self.elevated(caller):
            view |= _binding(record)
        return view

    def make_own(self, port: Port) -> Port:
        """Add a port of the service itself, e.g. a router's."""
        return self.table.put(port)

    def discard(self, port: Port) -> None:
        """Remove a port whoever owns it, with the floating addresses' ends that point at it."""
        for floating in self.state.floating.by("port", port.id):
            self.state.floating.put(
                dataclasses.replace(floating, port_id=None, fixed_ip_address=None, router_id=None)
            )
        self.table.remove(port.id)

    def set_status(self, key: str, status: str) -> bool:
        """Note whether the port is plugged; tell whether that is news."""
        with self.state.change():
            port = self.table.find(key)
            if port is None or port.status == status:
                return False
            self.table.put(dataclasses.replace(port, status=status))
            return True

    def renew_dhcp(self, network: Network) -> None:
        """Make the DHCP server's port fit the subnets that want DHCP."""
        own = [p for p in self.state.ports.by("network", network.id) if p.device_owner == DHCP]
        subnets = [s for s in self.state.subnets.by("network", network.id) if s.enable_dhcp]
        port = own[0] if own else None
        held = port.fixed_ips if port else ()
        mac = port.mac_address if port else self.addresses.new_mac(network.id)
        chosen: list[FixedIp] = []
        for subnet in subnets:
            try:
                wanted = [{"subnet_id": subnet.id}]
                chosen += self.addresses.choose(network.id, mac, wanted, held=held)
            except faults.Fault as fault:
                # A subnet without a free address is still of use, but has no DHCP.
                if fault.kind != "IpAddressGenerationFailure":
                    raise
        if not chosen:
            if port is not None:
                self.table.remove(port.id)
        elif port is None:
            self.table.put(
                Port(
                    project_id=network.project_id,
                    network_id=network.id,
                    mac_address=mac,
                    fixed_ips=tuple(chosen),
                    device_id=f"dhcp-{network.id}",
                    device_owner=DHCP,
                    status="ACTIVE",
                    port_security_enabled=False,
                    binding_host_id=self.settings.host,
                )
            )
        elif port.fixed_ips != tuple(chosen):
            self._save(port, {"fixed_ips": tuple(chosen)})

    def _make(self, caller: Caller, values: dict[str, Any]) -> Port:
        network = self._network(caller, values["network_id"])
        self._check_powers(caller, network, values, verb="create")
        wanted = values.pop("fixed_ips", None)
        mac = values.get("mac_address") or self.addresses.new_mac(network.id)
        self._check_mac(network.id, mac)
        values["mac_address"] = mac
        values["fixed_ips"] = self.addresses.choose(network.id, mac, wanted)
        values.setdefault("port_security_enabled", network.port_security_enabled)
        values["security_groups"] = self._chosen_groups(caller, values)
        values["binding_host_id"] = values.get("binding_host_id") or ""
        port = Port(**values)
        _check_security(port)
        return self.table.put(dataclasses.replace(port, status=self._status(port, before=None)))

    def _change(self, caller: Caller, record: Port, changes: dict[str, Any]) -> Port:
        network = self.state.networks[record.network_id]
        if record.device_owner in _RESERVED:
            _check_reserved(record, changes)
        self._check_powers(caller, network, changes, verb="update")
        if "mac_address" in changes:
            mac = changes["mac_address"] or self.addresses.new_mac(network.id)
            if mac != record.mac_address:
                self._check_mac(network.id, mac)
            changes["mac_address"] = mac
        if "fixed_ips" in changes:
            mac = changes.get("mac_address", record.mac_address)
            changes["fixed_ips"] = self.addresses.choose(
                network.id, mac, changes["fixed_ips"] or (), held=record.fixed_ips
            )
            self._forget_lost_addresses(record, changes["fixed_ips"])
        if "security_groups" in changes:
            changes["security_groups"] = self._known_groups(
                caller, changes["security_groups"] or ()
            )
        if "binding_host_id" in changes:
            changes["binding_host_id"] = changes["binding_host_id"] or ""
        changed = dataclasses.replace(record, **changes)
        _check_security(changed)
        return self._save(record, {**changes, "status": self._status(changed, before=record)})

    def _drop(self, caller: Caller, record: Port) -> None:
        if record.device_owner in _PROTECTED and record.device_id:
            raise faults.conflict(
                "ServicePortInUse",
                f"Port {record.id} cannot be deleted directly via the port API: has device owner"
                f" {record.device_owner}.",
            )
        self.discard(record)
        if record.device_owner == DHCP:
            self.renew_dhcp(self.state.networks[record.network_id])

    def _network(self, caller: Caller, key: str) -> Network:
        network = self.state.networks.find(key)
        usable = network is not None and (
            self.elevated(caller)
            or network.shared
            or network.router_external
            or network.project_id == caller.project_id
        )
        if network is None or not usable:
            raise faults.not_found("network", key)
        return network

    def _owns_network(self, caller: Caller, network_id: str) -> bool:
        network = self.state.networks.find(network_id)
        return network is not None and (
            self.elevated(caller)
            or (bool(caller.project_id) and network.project_id == caller.project_id)
        )

    def _check_powers(
        self, caller: Caller, network: Network, values: Mapping[str, Any], *, verb: str
    ) -> None:
        """Raise the fault of a tenant doing what only the network's owner may."""
        if values.get("device_owner") in _RESERVED:
            raise faults.bad(f"device_owner {values['device_owner']} is for the service itself")
        if self._owns_network(caller, network.id):
            return
        if network.router_external and not network.shared:
            raise faults.forbidden(f"{verb}_port")
        for name in ("mac_address", "allowed_address_pairs", "port_security_enabled"):
            if name in values and values[name] not in ((), None):
                raise faults.forbidden(f"{verb}_port:{name}")
        if any("ip_address" in item for item in values.get("fixed_ips") or ()):
            raise faults.forbidden(f"{verb}_port:fixed_ips:ip_address")
        if str(values.get("device_owner", "")).startswith("network:"):
            raise faults.forbidden(f"{verb}_port:device_owner")

    def _check_mac(self, network_id: str, mac: str) -> None:
        if self.state.ports.count("mac", (network_id, mac)):
            raise faults.conflict(
                "MacAddressInUse",
                f"Unable to complete operation for network {network_id}."
                f" The mac address {mac} is in use.",
            )

    def _chosen_groups(self, caller: Caller, values: Mapping[str, Any]) -> tuple[str, ...]:
        given: Sequence[str] | None = values.get("security_groups")
        if given is not None:
            return self._known_groups(caller, given)
        managed = str(values.get("device_owner", "")).startswith("network:")
        if managed or not values["port_security_enabled"] or not values["project_id"]:
            return ()
        return (self._groups.default(values["project_id"]).id,)

    def _known_groups(self, caller: Caller, keys: Sequence[str]) -> tuple[str, ...]:
        for key in keys:
            group = self.state.groups.find(key)
            mine = group is not None and group.project_id == caller.project_id
            if not mine and not (group is not None and self.elevated(caller)):
                raise faults.not_found("security_group", key)
        return tuple(keys)

    def _status(self, port: Port, *, before: Port | None) -> str:
        if is_managed(port):
            return "ACTIVE"
        if not port.binding_host_id or not port.admin_state_up:
            return "DOWN"
        if not self.settings.wire:
            return "ACTIVE"
        moved = before is None or before.binding_host_id != port.binding_host_id
        return "DOWN" if moved or before is None else before.status

    def _forget_lost_addresses(self, record: Port, kept: Sequence[FixedIp]) -> None:
        addresses = {ip.ip_address for ip in kept}
        for floating in self.state.floating.by("port", record.id):
            if floating.fixed_ip_address not in addresses:
                raise faults.conflict(
                    "PortInUse",
                    f"Address {floating.fixed_ip_address} of port {record.id} has floating IP"
                    f" {floating.floating_ip_address}.",
                )

    def _dns_assignment(self, record: Port) -> list[dict[str, str]]:
        domain = self.settings.dns_domain
        return [
            {
                "ip_address": ip.ip_address,
                "hostname": (name := host_name(record, ip)),
                "fqdn": f"{name}.{domain}." if domain else f"{name}.",
            }
            for ip in record.fixed_ips
        ]


def host_name(port: Port, ip: FixedIp) -> str:
    """Return the name by which the network's DNS knows an address of `port`."""
    return port.dns_name or "host-" + ip.ip_address.replace(".", "-").replace(":", "-")


def _binding(port: Port) -> View:
    if not port.binding_host_id:
        return {"binding:vif_type": "unbound", "binding:vif_details": {}}
    if port.binding_vnic_type != "normal":
        return {"binding:vif_type": "binding_failed", "binding:vif_details": {}}
    return {
        "binding:vif_type": "bridge",
        "binding:vif_details": {
            "port_filter": True,
            "connectivity": "l2",
            "bridge_name": bridge_name(port.network_id),
            "bound_drivers": {"0": "linuxbridge"},
        },
    }


def _check_reserved(record: Port, changes: dict[str, Any]) -> None:
    """Raise the fault of a change that would wire the service's own port elsewhere."""
    if changes.get("device_owner") == record.device_owner:
        del changes["device_owner"]
    for name in ("device_id", "device_owner", "mac_address", "fixed_ips"):
        if name in changes and changes[name] != getattr(record, name):
            raise faults.conflict(
                "ServicePortInUse",
                f"Attribute {name} of port {record.id} with device owner {record.device_owner}"
                " cannot be changed directly via the port API.",
            )


def _check_security(port: Port) -> None:
    if port.port_security_enabled:
        return
    if port.security_groups:
        raise faults.conflict(
            "PortSecurityPortHasSecurityGroup",
            "Port has security group associated. Cannot disable port security or IP address until"
            " security group is removed.",
        )
    if port.allowed_address_pairs:
        raise faults.conflict(
            "AddressPairAndPortSecurityRequired",
            "Port Security must be enabled in order to have allowed address pairs on a port.",
        )
