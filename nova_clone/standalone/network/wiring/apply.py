"""Making the kernel like the plan. Every function may be repeated, whatever came before."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence

from nova_clone.standalone.network.wiring import kernel
from nova_clone.standalone.network.wiring.kernel import Link
from nova_clone.standalone.network.wiring.plan import Bridge, Cable, Route, Space

_METADATA_TABLES = range(100, 4096)
#: Linux's main routing table has this number or name.
_MAIN = (None, "main", 254)

Key = tuple[str, str, int]


def ensure_bridge(bridge: Bridge, present: Mapping[str, Link], *, tracked: bool) -> None:
    """Make a bridge and its addresses as planned."""
    link = present.get(bridge.name)
    lines: list[str] = []
    if link is None:
        lines.append(f"link add {bridge.name} type bridge")
    traits = f"forward_delay 0 mcast_snooping 0 nf_call_iptables {tracked:d}"
    lines += [
        f"link set {bridge.name} type bridge {traits} nf_call_ip6tables {tracked:d}",
        f"link set {bridge.name} alias {kernel.OWNER_ALIAS} mtu {bridge.mtu}",
    ]
    kernel.batch(lines)
    # Nothing by which guests could reach the host: no link-local address, no ARP answers.
    conf = f"net/ipv4/conf/{bridge.name}"
    kernel.sysctl(
        [
            (f"net/ipv6/conf/{bridge.name}/disable_ipv6", "1"),
            (f"{conf}/arp_ignore", "1" if bridge.addresses else "8"),
        ]
    )
    have = kernel.addresses().get(bridge.name, frozenset())
    kernel.batch([*_addressing(bridge.name, bridge.addresses, have), f"link set {bridge.name} up"])


def drop_bridges(names: Iterable[str]) -> None:
    """Remove bridges; devices of others stay, unplugged."""
    kernel.batch([f"link del {name}" for name in names])


def ensure_space(space: Space, present: Mapping[str, Link], *, exists: bool) -> None:
    """Make a namespace, its cables, addresses, routes and rules as planned."""
    if exists and not kernel.is_whole(space.name):
        kernel.run("ip", "netns", "del", space.name)
        exists = False
    if not exists:
        kernel.run("ip", "netns", "add", space.name)
    parameters = [("net/ipv6/conf/default/accept_dad", "0")]
    if space.forwards:
        parameters += [("net/ipv4/ip_forward", "1"), ("net/ipv6/conf/all/forwarding", "1")]
        parameters += [("net/ipv4/conf/all/send_redirects", "0")]
    kernel.sysctl(parameters, namespace=space.name)
    inside = kernel.links(space.name)
    wanted = {cable.inner for cable in space.cables}
    stale = [name for name in inside if name.startswith("nvi") and name not in wanted]
    kernel.batch([f"link del {name}" for name in stale], namespace=space.name)
    for cable in space.cables:
        _ensure_cable(space.name, cable, present, inside)
    lines = ["link set lo up"]
    have = kernel.addresses(space.name)
    for cable in space.cables:
        lines += [
            *_addressing(cable.inner, cable.addresses, have.get(cable.inner, frozenset())),
            f"link set {cable.inner} mtu {cable.mtu} up",
        ]
    kernel.batch(lines, namespace=space.name)
    _ensure_routes(space)
    if space.forwards:
        kernel.load_rules(
            kernel.replacing("ip", "nova_nat", space.translation), namespace=space.name
        )


def drop_space(name: str) -> None:
    """Remove a namespace with everything in it."""
    if kernel.is_whole(name):
        # The cables would outlive the namespace while anybody holds one of its sockets.
        inner = [link for link in kernel.links(name) if link.startswith("nvi")]
        kernel.batch([f"link del {link}" for link in inner], namespace=name)
    kernel.run("ip", "netns", "del", name)


def _ensure_cable(
    namespace: str, cable: Cable, present: Mapping[str, Link], inside: Mapping[str, Link]
) -> None:
    whole = cable.outer in present and cable.inner in inside
    lines: list[str] = []
    if not whole:
        if cable.outer in present:
            lines.append(f"link del {cable.outer}")
        lines.append(
            f"link add {cable.outer} mtu {cable.mtu} type veth"
            f" peer name {cable.inner} address {cable.mac} mtu {cable.mtu} netns {namespace}"
        )
    lines.append(f"link set {cable.outer} alias {kernel.OWNER_ALIAS} master {cable.bridge}")
    lines.append(f"link set {cable.outer} mtu {cable.mtu} up")
    kernel.batch(lines)
    if not whole or not present[cable.outer].up:
        kernel.sysctl([(f"net/ipv6/conf/{cable.outer}/disable_ipv6", "1")])


def _addressing(device: str, wanted: Sequence[str], have: frozenset[str]) -> list[str]:
    """Return the commands that give `device` exactly these addresses."""
    lines = [f"addr del {address} dev {device}" for address in sorted(have - set(wanted))]
    for address in wanted:
        if address not in have:
            nodad = " nodad" if ":" in address else ""
            lines.append(f"addr add {address} dev {device}{nodad}")
    return lines


def _ensure_routes(space: Space) -> None:
    have = kernel.routes(space.name)
    wanted = {_key(route): route for route in space.routes}
    lines = [
        f"route del {found['dst']} via {found['gateway']}{_table(found.get('table'))}"
        for found in have
        if _present_key(found) not in wanted
    ]
    for route in space.routes:
        device = f" dev {route.device}" if route.device else ""
        table = f" table {route.table}" if route.table else ""
        lines.append(f"route replace {route.destination} via {route.via}{device}{table}")
    kernel.batch(lines, namespace=space.name)
    _ensure_policy(space)


def _ensure_policy(space: Space) -> None:
    """Make the rules that ask the metadata tables."""
    if not space.forwards:
        return
    have = {(rule["iif"], int(rule["table"])) for rule in kernel.rules(space.name)}
    wanted = {(route.device, route.table) for route in space.routes if route.table}
    lines = [f"rule del iif {device} table {table}" for device, table in sorted(have - wanted)]
    lines += [f"rule add iif {device} table {table}" for device, table in sorted(wanted - have)]
    kernel.batch(lines, namespace=space.name)


def _key(route: Route) -> Key:
    if route.destination in ("default", "::/0"):
        destination = "default"
    else:
        destination = _without_host_length(route.destination)
    return (destination, route.via, route.table)


def _present_key(found: Mapping[str, object]) -> Key:
    table = found.get("table")
    number = 0 if table in _MAIN else int(str(table))
    return (_without_host_length(str(found["dst"])), str(found["gateway"]), number)


def _without_host_length(destination: str) -> str:
    if destination == "default":
        return destination
    network = ipaddress.ip_network(destination)
    if network.prefixlen == network.max_prefixlen:
        return str(network.network_address)
    return str(network)


def _table(number: object) -> str:
    return "" if number in _MAIN else f" table {number}"
