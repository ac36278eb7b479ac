"""Choice of the addresses of ports. Called inside a change, so nobody chooses meanwhile."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Mapping, Sequence

from nova_clone.standalone.network import faults
from nova_clone.standalone.network.records import FixedIp, Port, Subnet
from nova_clone.standalone.network.state import State

#: The address range of made-up MAC addresses that OpenStack uses.
_MAC_PREFIX = "fa:16:3e"
#: IPv6 modes in which a guest makes its address from its MAC address.
_SELF_MADE = ("slaac", "dhcpv6-stateless")

Wanted = Sequence[Mapping[str, str]]


class Addresses:
    """Gives out addresses that no other port has.

    Each subnet is walked in a circle, so that an address just given back is not
    at once another guest's.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._last: dict[str, int] = {}

    def new_mac(self, network_id: str) -> str:
        """Return a MAC address that is new on the network."""
        while True:
            tail = secrets.token_bytes(3)
            mac = ":".join((_MAC_PREFIX, *(f"{byte:02x}" for byte in tail)))
            if not self._state.ports.count("mac", (network_id, mac)):
                return mac

    def choose(
        self, network_id: str, mac: str, wanted: Wanted | None, *, held: Sequence[FixedIp] = ()
    ) -> tuple[FixedIp, ...]:
        """Return addresses as `wanted`, or by default one per IP version.

        ``held`` are addresses the port has already and may keep.
        """
        subnets = self._state.subnets.by("network", network_id)
        if wanted is None:
            return self._default(network_id, subnets, mac)
        chosen: list[FixedIp] = []
        free_to_keep = [ip for ip in held if not _named(ip, wanted)]
        for item in wanted:
            address = item.get("ip_address")
            if address is not None:
                found = self._named(network_id, subnets, item, held)
            else:
                found = self._in_subnet(subnets, item, mac, free_to_keep)
            if found in chosen:
                raise faults.bad(f"Duplicate IP address '{found.ip_address}'")
            chosen.append(found)
        return tuple(chosen)

    def forget(self, subnet_id: str) -> None:
        """Forget where the circle of a deleted subnet stands."""
        self._last.pop(subnet_id, None)

    def _default(self, network_id: str, subnets: Sequence[Subnet], mac: str) -> tuple[FixedIp, ...]:
        chosen: list[FixedIp] = []
        for version in (4, 6):
            of_version = [subnet for subnet in subnets if subnet.ip_version == version]
            chosen += [_self_made(s, mac) for s in of_version if _is_self_made(s)]
            managed = [subnet for subnet in of_version if not _is_self_made(subnet)]
            if not managed:
                continue
            free = next((ip for s in managed if (ip := self._next(s)) is not None), None)
            if free is None:
                raise _exhausted(network_id)
            chosen.append(free)
        return tuple(chosen)

    def _named(
        self,
        network_id: str,
        subnets: Sequence[Subnet],
        item: Mapping[str, str],
        held: Sequence[FixedIp],
    ) -> FixedIp:
        address = ipaddress.ip_address(item["ip_address"])
        asked = item.get("subnet_id")
        fitting = [subnet for subnet in subnets if asked in (None, subnet.id)]
        if asked and not fitting:
            raise _wrong_subnet(network_id, asked)
        for subnet in fitting:
            if address in ipaddress.ip_network(subnet.cidr):
                return self._take(subnet, address, held)
        if asked:
            raise faults.Fault(
                400,
                "InvalidIpForSubnet",
                f"IP address {address} is not a valid IP for the specified subnet.",
            )
        raise faults.Fault(
            400,
            "InvalidIpForNetwork",
            f"IP address {address} is not a valid IP for any of the subnets on the specified"
            " network.",
        )

    def _take(
        self,
        subnet: Subnet,
        address: ipaddress.IPv4Address | ipaddress.IPv6Address,
        held: Sequence[FixedIp],
    ) -> FixedIp:
        found = FixedIp(subnet_id=subnet.id, ip_address=str(address))
        if found in held:
            return found
        if not _usable(subnet, address):
            raise faults.Fault(
                400,
                "InvalidIpForSubnet",
                f"IP address {address} is not a valid IP for the specified subnet.",
            )
        if self._state.ports.count("address", (subnet.id, str(address))):
            raise faults.conflict(
                "IpAddressAlreadyAllocated",
                f"IP address {address} already allocated in subnet {subnet.id}",
            )
        return found

    def _in_subnet(
        self,
        subnets: Sequence[Subnet],
        item: Mapping[str, str],
        mac: str,
        keep: list[FixedIp],
    ) -> FixedIp:
        subnet = next((s for s in subnets if s.id == item.get("subnet_id")), None)
        if subnet is None:
            if "subnet_id" not in item:
                raise faults.bad("IP allocation requires subnet_id or ip_address")
            raise _wrong_subnet("", item["subnet_id"])
        kept = next((ip for ip in keep if ip.subnet_id == subnet.id), None)
        if kept is not None:
            keep.remove(kept)
            return kept
        if _is_self_made(subnet):
            return _self_made(subnet, mac)
        free = self._next(subnet)
        if free is None:
            raise _exhausted(subnet.network_id)
        return free

    def _next(self, subnet: Subnet) -> FixedIp | None:
        pools = [
            (int(ipaddress.ip_address(pool["start"])), int(ipaddress.ip_address(pool["end"])))
            for pool in subnet.allocation_pools
        ]
        last = self._last.get(subnet.id, -1)
        later = [(max(start, last + 1), end) for start, end in pools]
        earlier = [(start, min(end, last)) for start, end in pools]
        taken = self._state.ports
        make = ipaddress.IPv4Address if subnet.ip_version == 4 else ipaddress.IPv6Address
        for start, end in later + earlier:
            for number in range(start, end + 1):
                text = str(make(number))
                if not taken.count("address", (subnet.id, text)) and text != subnet.gateway_ip:
                    self._last[subnet.id] = number
                    return FixedIp(subnet_id=subnet.id, ip_address=text)
        return None


def _named(ip: FixedIp, wanted: Wanted) -> bool:
    return any(item.get("ip_address") == ip.ip_address for item in wanted)


def _usable(subnet: Subnet, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    network = ipaddress.ip_network(subnet.cidr)
    if network.version == 4 and network.prefixlen >= 31:
        return True
    if network.version == 6:
        return network.prefixlen == 128 or address != network.network_address
    return address not in (network.network_address, network.broadcast_address)


def _is_self_made(subnet: Subnet) -> bool:
    return subnet.ipv6_address_mode in _SELF_MADE


def _self_made(subnet: Subnet, mac: str) -> FixedIp:
    octets = [int(part, 16) for part in mac.split(":")]
    octets[0] ^= 2
    tail = bytes([*octets[:3], 0xFF, 0xFE, *octets[3:]])
    start = int(ipaddress.IPv6Network(subnet.cidr).network_address)
    address = ipaddress.IPv6Address(start | int.from_bytes(tail, "big"))
    return FixedIp(subnet_id=subnet.id, ip_address=str(address))


def is_managed(port: Port) -> bool:
    """Tell whether the service made `port` for itself, not for a guest."""
    return port.device_owner.startswith("network:")


def _exhausted(network_id: str) -> faults.Fault:
    return faults.conflict(
        "IpAddressGenerationFailure", f"No more IP addresses available on network {network_id}."
    )


def _wrong_subnet(network_id: str, subnet_id: str) -> faults.Fault:
    on = f" on network {network_id}" if network_id else ""
    return faults.bad(f"Subnet {subnet_id} could not be found{on}")
