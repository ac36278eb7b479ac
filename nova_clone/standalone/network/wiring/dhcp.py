"""Configuration of dnsmasq: DHCP for a network's guests, advertisements of routers. Pure."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable, Sequence

from nova_clone.standalone.network import names
from nova_clone.standalone.network.ports import host_name
from nova_clone.standalone.network.records import Network, Port, Router, Subnet
from nova_clone.standalone.network.routers import INTERFACE
from nova_clone.standalone.network.settings import NetworkSettings
from nova_clone.standalone.network.state import State

_METADATA = "169.254.169.254/32"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dnsmasq:
    """One dnsmasq: a change of ``config`` needs a new process, the others a signal."""

    #: Tells its files apart from those of others.
    key: str
    #: Lines that do not name files.
    config: str
    #: One line per port: MAC address, name and address.
    hosts: str = ""
    #: Options by tag.
    options: str = ""
    #: Names for DNS.
    names: str = ""
    #: MAC address that may hold each address; leases that disagree are stale.
    holders: tuple[tuple[str, str], ...] = ()


def network_server(
    state: State, settings: NetworkSettings, network: Network, server: Port
) -> Dnsmasq:
    """Return the DHCP and DNS server of a network."""
    held = {ip.subnet_id: ip.ip_address for ip in server.fixed_ips}
    subnets = [subnet for subnet in state.subnets.by("network", network.id) if subnet.id in held]
    ports = [
        port
        for port in state.ports.by("network", network.id)
        if not port.device_owner.startswith("network:")
    ]
    config = [
        "bind-interfaces",
        "except-interface=lo",
        f"interface={names.inner_device(server.id)}",
        "no-resolv",
        "no-hosts",
        "no-ping",
        "dhcp-authoritative",
        "dhcp-lease-max=65536",
        "local-service",
        f"dhcp-option-force=option:mtu,{network.mtu}",
        *(line for subnet in subnets for line in _range(subnet, settings)),
    ]
    if settings.dns_domain:
        config += [f"domain={settings.dns_domain}", "expand-hosts"]
    return Dnsmasq(
        key=names.network_namespace(network.id),
        config="".join(f"{line}\n" for line in config),
        hosts="".join(_hosts(ports, held)),
        options="".join(line for subnet in subnets for line in _options(subnet, held[subnet.id]))
        + "".join(_port_options(ports)),
        names="".join(
            f"{ip.ip_address} {host_name(port, ip)}\n" for port in ports for ip in port.fixed_ips
        ),
        holders=tuple((ip.ip_address, p.mac_address) for p in ports for ip in p.fixed_ips),
    )


def router_advertiser(state: State, router: Router, inside: Sequence[Port]) -> Dnsmasq | None:
    """Return what tells IPv6 guests of their router, or None if no subnet asks for it."""
    lines: list[str] = []
    for port in inside:
        for ip in port.fixed_ips:
            subnet = state.subnets[ip.subnet_id]
            if port.device_owner == INTERFACE and subnet.ipv6_ra_mode:
                network = ipaddress.ip_network(subnet.cidr)
                mode = {
                    "slaac": "ra-only",
                    "dhcpv6-stateless": "ra-stateless",
                    "dhcpv6-stateful": "static",
                }[subnet.ipv6_ra_mode]
                lines.append(f"interface={names.inner_device(port.id)}")
                lines.append(f"dhcp-range={network.network_address},{mode},{network.prefixlen}")
    if not lines:
        return None
    config = ["port=0", "bind-interfaces", "except-interface=lo", "enable-ra", *lines]
    return Dnsmasq(
        key=names.router_namespace(router.id), config="".join(f"{line}\n" for line in config)
    )


def _range(subnet: Subnet, settings: NetworkSettings) -> Iterable[str]:
    network = ipaddress.ip_network(subnet.cidr)
    tag = f"set:{_tag(subnet)},"
    if subnet.ip_version == 4:
        yield (
            f"dhcp-range={tag}{network.network_address},static,{network.netmask},"
            f"{settings.dhcp_lease}"
        )
    elif subnet.ipv6_address_mode == "dhcpv6-stateful":
        yield (
            f"dhcp-range={tag}{network.network_address},static,{network.prefixlen},"
            f"{settings.dhcp_lease}"
        )


def _tag(subnet: Subnet) -> str:
    return f"subnet-{subnet.id}"


def _hosts(ports: Sequence[Port], served: dict[str, str]) -> Iterable[str]:
    for port in ports:
        tag = f"set:port-{port.id}," if port.extra_dhcp_opts else ""
        for ip in port.fixed_ips:
            if ip.subnet_id in served:
                address = f"[{ip.ip_address}]" if ":" in ip.ip_address else ip.ip_address
                yield f"{port.mac_address},{tag}{host_name(port, ip)},{address}\n"


def _options(subnet: Subnet, server: str) -> Iterable[str]:
    tag = f"tag:{_tag(subnet)},"
    same = [dns for dns in subnet.dns_nameservers if (":" in dns) == (subnet.ip_version == 6)]
    if subnet.ip_version == 6:
        listed = ",".join(f"[{dns}]" for dns in same) or f"[{server}]"
        yield f"{tag}option6:dns-server,{listed}\n"
        return
    yield f"{tag}option:dns-server,{','.join(same) or server}\n"
    routes = [(_METADATA, server)]
    routes += [(route["destination"], route["nexthop"]) for route in subnet.host_routes]
    if subnet.gateway_ip:
        # A client that reads the classless routes ignores the router option.
        routes.append(("0.0.0.0/0", subnet.gateway_ip))
        yield f"{tag}option:router,{subnet.gateway_ip}\n"
    else:
        yield f"{tag}option:router\n"
    text = ",".join(f"{destination},{hop}" for destination, hop in routes)
    yield f"{tag}option:classless-static-route,{text}\n"
    # Older Microsoft clients know the same list under another number.
    yield f"{tag}249,{text}\n"


def _port_options(ports: Sequence[Port]) -> Iterable[str]:
    for port in ports:
        for option in port.extra_dhcp_opts:
            value = option["opt_value"]
            if value is None or not _harmless(option["opt_name"]) or not _harmless(value):
                continue
            prefix = "option6:" if option.get("ip_version") == 6 else "option:"
            name = option["opt_name"]
            named = name if name.isdecimal() else prefix + name
            yield f"tag:port-{port.id},{named},{value}\n"


def _harmless(text: str) -> bool:
    """Tell whether a tenant's text cannot begin another line of the file."""
    return text.isprintable() and "#" not in text
