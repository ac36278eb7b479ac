"""Networks."""

from __future__ import annotations

from typing import Any, ClassVar

from nova_clone.standalone.network import checks, faults
from nova_clone.standalone.network.attributes import (
    STANDARD,
    Schema,
    Who,
    attribute,
    read_only,
)
from nova_clone.standalone.network.collection import Caller, Collection
from nova_clone.standalone.network.listing import View
from nova_clone.standalone.network.ports import Ports
from nova_clone.standalone.network.records import Network
from nova_clone.standalone.network.settings import NetworkSettings
from nova_clone.standalone.network.state import State

_PROVIDER: dict[str, Any] = {"update": False, "write": Who.ADMIN, "read": Who.ADMIN}
#: Bytes that every IPv4 link must carry.
_SMALLEST_MTU = 68


class Networks(Collection[Network]):
    """The networks of all projects."""

    schema: ClassVar[Schema] = Schema(
        singular="network",
        plural="networks",
        attributes=(
            *STANDARD,
            attribute("admin_state_up", checks.boolean),
            attribute("shared", checks.boolean, write=Who.ADMIN),
            attribute("router:external", checks.boolean, write=Who.ADMIN),
            attribute("is_default", checks.boolean, write=Who.ADMIN),
            attribute("mtu", checks.integer(0, 65536)),
            attribute("port_security_enabled", checks.boolean),
            attribute("availability_zone_hints", checks.listed(checks.text()), shown=False),
            attribute(
                "provider:network_type",
                checks.optional(checks.one_of("local", "flat")),
                **_PROVIDER,
            ),
            attribute("provider:physical_network", checks.optional(checks.text()), **_PROVIDER),
            read_only("provider:segmentation_id", read=Who.ADMIN),
        ),
    )

    def __init__(self, state: State, settings: NetworkSettings, ports: Ports) -> None:
        super().__init__(state, settings, state.networks)
        self._ports = ports

    def visible(self, caller: Caller, record: Network) -> bool:
        """Tell whether `caller` owns `record` or it is for everybody."""
        return record.shared or record.router_external or super().visible(caller, record)

    def view(self, caller: Caller, record: Network) -> View:
        """Return how `record` looks, with its subnets."""
        return {
            **super().view(caller, record),
            "status": "ACTIVE",
            "subnets": [subnet.id for subnet in self.state.subnets.by("network", record.id)],
            "availability_zones": ["nova"],
            "availability_zone_hints": [],
            "ipv4_address_scope": None,
            "ipv6_address_scope": None,
            "l2_adjacency": True,
        }

    def _make(self, caller: Caller, values: dict[str, Any]) -> Network:
        values.pop("availability_zone_hints", None)
        values["mtu"] = self._mtu(values.get("mtu", 0))
        kind = values.get("provider_network_type") or "local"
        physical = values.get("provider_physical_network")
        if (kind == "flat") != (physical is not None):
            raise faults.bad("a physical network is given with, and only with, network type flat")
        if physical is not None and physical not in self.settings.physical_networks:
            raise faults.bad(f"Unknown provider:physical_network '{physical}'")
        values["provider_network_type"] = kind
        return self.table.put(Network(**values))

    def _change(self, caller: Caller, record: Network, changes: dict[str, Any]) -> Network:
        changes.pop("availability_zone_hints", None)
        if "mtu" in changes:
            changes["mtu"] = self._mtu(changes["mtu"])
        if changes.get("shared") is False and record.shared:
            self._must_be_unshared(record)
        if changes.get("router_external") is False and record.router_external:
            self._must_be_internal(record)
        return self._save(record, changes)

    def _drop(self, caller: Caller, record: Network) -> None:
        for port in self.state.ports.by("network", record.id):
            if port.device_owner != "network:dhcp":
                raise faults.conflict(
                    "NetworkInUse",
                    f"Unable to complete operation on network {record.id}. There are one or more"
                    " ports still in use on the network.",
                )
        for port in self.state.ports.by("network", record.id):
            self._ports.discard(port)
        for subnet in self.state.subnets.by("network", record.id):
            self._ports.addresses.forget(subnet.id)
            self.state.subnets.remove(subnet.id)
        self.table.remove(record.id)

    def _mtu(self, asked: int) -> int:
        if asked == 0:
            return self.settings.mtu
        if not _SMALLEST_MTU <= asked <= self.settings.mtu:
            raise faults.bad(f"MTU {asked} is not between {_SMALLEST_MTU} and {self.settings.mtu}")
        return asked

    def _must_be_unshared(self, record: Network) -> None:
        for port in self.state.ports.by("network", record.id):
            if port.project_id not in ("", record.project_id):
                raise faults.conflict(
                    "InvalidSharedSetting",
                    f"Unable to reconfigure sharing settings for network {record.id}."
                    " Multiple tenants are using it.",
                )

    def _must_be_internal(self, record: Network) -> None:
        for port in self.state.ports.by("network", record.id):
            if port.device_owner in ("network:router_gateway", "network:floatingip"):
                raise faults.conflict(
                    "ExternalNetworkInUse",
                    f"External network {record.id} cannot be updated to be made non-external,"
                    " since it has existing gateway ports.",
                )
