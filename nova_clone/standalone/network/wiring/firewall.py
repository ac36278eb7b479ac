"""The packet filter of the root namespace as nft scripts. Pure.

Table ``bridge nova_ports`` filters every frame from and to a guest's tap. A tap
that is not known yet exchanges nothing with any device that is. Connections are tracked in table
``inet nova_tracking``, which sees bridged packets through br_netfilter and tells
the other by a mark; each tenant network is a zone of its own, so that equal
addresses of different networks do not meet. Where packets cannot be tracked, answers are
told from their form alone.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable, Mapping, Sequence

from nova_clone.standalone.network.names import tap_name
from nova_clone.standalone.network.records import Port, SecurityRule
from nova_clone.standalone.network.security import protocol_number
from nova_clone.standalone.network.wiring.plan import Bridge

PORTS_TABLE = "nova_ports"
TRACKING_TABLE = "nova_tracking"
_ANSWER = 0x4000000
_OUTBOUND = 0x8000000
#: The zones of connection tracking are numbered with 16 bits; 0 is everybody else's.
_ZONES = 65535

#: The sender of a guest that has no address yet.
_NOBODY = "0.0.0.0"  # noqa: S104
#: What makes IPv6 work at all.
_NEIGHBOURS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query,"
_NEIGHBOURS += " mld-listener-report, mld-listener-done, mld2-listener-report }"

_STATELESS_ANSWERS = (
    "tcp flags & (syn | ack) != syn return",
    "icmp type { echo-reply, destination-unreachable, time-exceeded } return",
    "icmpv6 type { echo-reply, destination-unreachable, packet-too-big, time-exceeded } return",
    "udp dport 32768-65535 return",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Filter:
    """What the filter is made of."""

    #: Guests' ports whose taps are there.
    ports: Sequence[Port]
    #: Rules by the id of their group.
    rules: Mapping[str, Sequence[SecurityRule]]
    #: Addresses of the members of each group that a rule may name.
    members: Mapping[str, Sequence[str]]
    #: Devices on the bridges that are not guests': cables, and links to other hosts.
    trusted: Sequence[str]
    tracked: bool


def ports_script(filters: Filter) -> str:
    """Return the table that filters the ports' frames."""
    guarded = [port for port in filters.ports if port.port_security_enabled]
    lines = [f"table bridge {PORTS_TABLE} {{"]
    taps = [tap_name(port.id) for port in filters.ports]
    lines += _set("known", "ifname", [*filters.trusted, *taps])
    for group, addresses in sorted(_named_groups(filters, guarded).items()):
        for version in (4, 6):
            kind = "ipv4_addr" if version == 4 else "ipv6_addr"
            lines += _set(
                _set_name(group, version),
                kind,
                _collapsed(addresses, version),
                interval=True,
            )
    for port in guarded:
        lines += _chain(f"from_{tap_name(port.id)}", _from_port(port, filters))
        lines += _chain(f"to_{tap_name(port.id)}", _to_port(port, filters))
    lines += _chain("forward", _forward(guarded), hook="forward priority filter")
    lines.append("}")
    return "\n".join(lines) + "\n"


def tracking_script(bridges: Sequence[Bridge], *, tracked: bool) -> str:
    """Return the table that tracks connections and lets external networks out."""
    lines = [f"table inet {TRACKING_TABLE} {{"]
    lines += _set("bridges", "ifname", [bridge.name for bridge in bridges])
    lines += _set("closed", "ifname", [bridge.name for bridge in bridges if not bridge.external])
    # The host has no business on the tenants' bridges, nor do they pass through it.
    lines += _chain(
        "host",
        ["iifname @closed drop", *_host_rules(bridges)],
        hook="input priority filter",
    )
    lines += _chain(
        "across",
        [
            "iifname @closed oifname != @closed drop",
            "oifname @closed iifname != @closed drop",
            *_outbound(bridges),
        ],
        hook="forward priority filter",
    )
    if tracked:
        # External networks share the host's zone, where their connections are translated.
        zones = _zones([bridge for bridge in bridges if not bridge.external])
        pairs = ", ".join(f'"{name}" : {zone}' for name, zone in sorted(zones.items()))
        chosen = [f"ct zone set iifname map {{ {pairs} }}"] if zones else []
        lines += _chain("zones", chosen, hook="prerouting priority raw")
        lines += _chain(
            "answers",
            [f"iifname @bridges ct state established,related {_marked(_ANSWER)}"],
            hook="prerouting priority mangle",
        )
    lines += _chain(
        "hide",
        [f"meta mark and {_OUTBOUND:#x} == {_OUTBOUND:#x} masquerade"],
        kind="nat",
        hook="postrouting priority srcnat",
    )
    lines.append("}")
    return "\n".join(lines) + "\n"


def _host_rules(bridges: Sequence[Bridge]) -> Iterable[str]:
    for bridge in bridges:
        if not bridge.external:
            continue
        yield f'iifname "{bridge.name}" ct state established,related accept'
        yield f'iifname "{bridge.name}" meta l4proto {{ icmp, icmpv6 }} accept'
        yield f'iifname "{bridge.name}" drop'


def _outbound(bridges: Sequence[Bridge]) -> Iterable[str]:
    for bridge in bridges:
        if not bridge.masqueraded:
            continue
        ranges = ", ".join(bridge.masqueraded)
        yield (
            f'iifname "{bridge.name}" oifname != "{bridge.name}" ip saddr {{ {ranges} }}'
            f" {_marked(_OUTBOUND)}"
        )


def _marked(bit: int) -> str:
    return f"meta mark set meta mark or {bit:#x}"


def _zones(bridges: Sequence[Bridge]) -> dict[str, int]:
    """Return a zone per bridge that stays the same while networks come and go."""
    zones: dict[str, int] = {}
    taken: set[int] = set()
    for bridge in sorted(bridges, key=lambda one: one.network_id):
        zone = int(bridge.network_id[:8], 16) % _ZONES + 1
        while zone in taken:
            zone = zone % _ZONES + 1
        taken.add(zone)
        zones[bridge.name] = zone
    return zones


def _forward(guarded: Sequence[Port]) -> list[str]:
    rules = ["iifname @known oifname != @known drop", "iifname != @known oifname @known drop"]
    taps = [tap_name(port.id) for port in guarded]
    if taps:
        sources = ", ".join(f'"{tap}" : jump from_{tap}' for tap in taps)
        targets = ", ".join(f'"{tap}" : jump to_{tap}' for tap in taps)
        rules += [f"iifname vmap {{ {sources} }}", f"oifname vmap {{ {targets} }}"]
    return rules


def _from_port(port: Port, filters: Filter) -> list[str]:
    macs = {port.mac_address}
    macs |= {pair["mac_address"] for pair in port.allowed_address_pairs if "mac_address" in pair}
    addresses = [ip.ip_address for ip in port.fixed_ips]
    addresses += [pair["ip_address"] for pair in port.allowed_address_pairs]
    v4, v6 = _collapsed(addresses, 4), _collapsed(addresses, 6)
    v6 += [_link_local(mac) for mac in sorted(macs)]
    senders = ", ".join(sorted(macs))
    return [
        f"ether saddr != {{ {senders} }} drop",
        f"ether type arp arp saddr ether != {{ {senders} }} drop",
        f"ether type arp arp saddr ip {{ {', '.join([*v4, _NOBODY])} }} return",
        f"ip saddr {_NOBODY} ip daddr 255.255.255.255 udp sport 68 udp dport 67 return",
        "udp sport 67 udp dport 68 drop",
        "udp sport 547 udp dport 546 drop",
        "icmpv6 type { nd-router-advert, nd-redirect } drop",
        f"ip6 saddr :: {_NEIGHBOURS} return",
        *([f"ip saddr != {{ {', '.join(v4)} }} drop"] if v4 else ["ether type ip drop"]),
        f"ip6 saddr != {{ {', '.join(v6)} }} drop",
        "ether type != { ip, ip6 } drop",
        f"{_NEIGHBOURS} return",
        "icmpv6 type nd-router-solicit return",
        "udp sport 68 udp dport 67 return",
        "udp sport 546 udp dport 547 return",
        *_answers(filters),
        *_group_rules(port, filters, "egress"),
        "drop",
    ]


def _to_port(port: Port, filters: Filter) -> list[str]:
    return [
        "ether type arp return",
        f"{_NEIGHBOURS} return",
        "icmpv6 type nd-router-advert return",
        "udp sport 67 udp dport 68 return",
        "udp sport 547 udp dport 546 return",
        *_answers(filters),
        *_group_rules(port, filters, "ingress"),
        "drop",
    ]


def _answers(filters: Filter) -> Sequence[str]:
    if filters.tracked:
        return (f"meta mark and {_ANSWER:#x} == {_ANSWER:#x} return",)
    return _STATELESS_ANSWERS


def _group_rules(port: Port, filters: Filter, direction: str) -> Iterable[str]:
    rules = {
        _rule(rule)
        for group in port.security_groups
        for rule in filters.rules.get(group, ())
        if rule.direction == direction
    }
    return sorted(rules)


def _rule(rule: SecurityRule) -> str:
    family = "ip" if rule.ethertype == "IPv4" else "ip6"
    parts = [f"ether type {family}"]
    peer = "saddr" if rule.direction == "ingress" else "daddr"
    if rule.remote_ip_prefix and not rule.remote_ip_prefix.endswith("/0"):
        parts.append(f"{family} {peer} {rule.remote_ip_prefix}")
    if rule.remote_group_id:
        version = 4 if family == "ip" else 6
        parts.append(f"{family} {peer} @{_set_name(rule.remote_group_id, version)}")
    if rule.protocol:
        parts += _protocol(rule, family)
    return " ".join([*parts, "return"])


def _protocol(rule: SecurityRule, family: str) -> list[str]:
    number = protocol_number(rule.protocol or "0")
    if number == 1 and family == "ip6":
        # Tenants write icmp for both versions.
        number = 58
    low, high = rule.port_range_min, rule.port_range_max
    parts = [f"meta l4proto {number}"]
    if number in (1, 58):
        name = "icmp" if number == 1 else "icmpv6"
        parts += [f"{name} type {low}"] if low is not None else []
        parts += [f"{name} code {high}"] if low is not None and high is not None else []
    elif low is not None and high is not None:
        ports = str(low) if low == high else f"{low}-{high}"
        parts.append(f"th dport {ports}")
    return parts


def _named_groups(filters: Filter, ports: Sequence[Port]) -> dict[str, Sequence[str]]:
    named = {
        rule.remote_group_id
        for port in ports
        for group in port.security_groups
        for rule in filters.rules.get(group, ())
        if rule.remote_group_id
    }
    return {group: filters.members.get(group, ()) for group in named}


def _set_name(group: str, version: int) -> str:
    return f"group{version}_{group.replace('-', '')}"


def _collapsed(addresses: Iterable[str], version: int) -> list[str]:
    """Return addresses and ranges of one IP version without overlaps."""
    if version == 4:
        v4 = [ipaddress.IPv4Network(one) for one in addresses if ":" not in one]
        return [_short(network) for network in ipaddress.collapse_addresses(v4)]
    v6 = [ipaddress.IPv6Network(one) for one in addresses if ":" in one]
    return [_short(network) for network in ipaddress.collapse_addresses(v6)]


def _short(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> str:
    if network.prefixlen == network.max_prefixlen:
        return str(network.network_address)
    return str(network)


def _link_local(mac: str) -> str:
    octets = [int(part, 16) for part in mac.split(":")]
    octets[0] ^= 2
    tail = bytes([*octets[:3], 0xFF, 0xFE, *octets[3:]])
    return str(ipaddress.IPv6Address((0xFE80 << 112) | int.from_bytes(tail, "big")))


def _set(name: str, kind: str, elements: Sequence[str], *, interval: bool = False) -> list[str]:
    lines = [f" set {name} {{", f"  type {kind}"]
    if interval:
        lines.append("  flags interval")
    if elements:
        quoted = [f'"{item}"' if kind == "ifname" else item for item in elements]
        lines.append(f"  elements = {{ {', '.join(quoted)} }}")
    return [*lines, " }"]


def _chain(name: str, rules: Iterable[str], *, hook: str = "", kind: str = "filter") -> list[str]:
    # nft reads chain names as words; a tap's name has dashes only.
    lines = [f" chain {name} {{"]
    if hook:
        lines.append(f"  type {kind} hook {hook}; policy accept;")
    return [*lines, *(f"  {rule}" for rule in rules), " }"]
