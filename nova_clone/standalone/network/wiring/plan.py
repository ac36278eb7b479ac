"""What the kernel should look like, as plain values made from the records. Pure."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable

from nova_clone.standalone.network import names
from nova_clone.standalone.network.floating import OWNER as FLOATING
from nova_clone.standalone.network.ports import DHCP
from nova_clone.standalone.network.records import FixedIp, Network, Port, Router, Subnet
from nova_clone.standalone.network.routers import GATEWAY, INTERFACE
from nova_clone.standalone.network.settings import NetworkSettings
from nova_clone.standalone.network.state import State
from nova_clone.standalone.network.wiring import dhcp
from nova_clone.standalone.network.wiring.dhcp import Dnsmasq

METADATA_ADDRESS = "169.254.169.254"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bridge:
    """A bridge of the root namespace; only an external network's has addresses."""

    name: str
    network_id: str
    mtu: int
    addresses: tuple[str, ...] = ()
    #: Ranges that are hidden behind the host's address when they go on from here.
    masqueraded: tuple[str, ...] = ()
    external: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cable:
    """A veth pair from a bridge into a namespace."""

    bridge: str
    outer: str
    inner: str
    mac: str
    mtu: int
    #: Addresses with their prefix lengths.
    addresses: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Route:
    """A route of a namespace; ``table`` is asked for what comes in at ``device`` only."""

    destination: str
    via: str
    device: str = ""
    table: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Space:
    """A namespace with its cables, routes and rules."""

    name: str
    cables: tuple[Cable, ...]
    routes: tuple[Route, ...] = ()
    forwards: bool = False
    #: The translation rules of the namespace, as nft reads them.
    translation: str = ""
    dnsmasq: Dnsmasq | None = None
    #: The network whose guests find the metadata service here.
    metadata_of: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything but the ports' packet filter."""

    bridges: tuple[Bridge, ...] = ()
    spaces: tuple[Space, ...] = ()


def make_plan(state: State, settings: NetworkSettings) -> Plan:
    """Return what the records ask for."""
    with state.reading():
        return Plan(
            bridges=tuple(_bridge(state, network) for network in state.networks.all()),
            spaces=(
                *_network_spaces(state, settings),
                *(
                    _router_space(state, router)
                    for router in state.routers.all()
                    if router.admin_state_up
                ),
            ),
        )


def _bridge(state: State, network: Network) -> Bridge:
    addresses: list[str] = []
    hidden: list[str] = []
    if network.router_external:
        for subnet in state.subnets.by("network", network.id):
            if subnet.gateway_ip and subnet.ip_version == 4:
                addresses.append(_with_length(subnet.gateway_ip, subnet))
                hidden.append(subnet.cidr)
    return Bridge(
        name=names.bridge_name(network.id),
        network_id=network.id,
        mtu=network.mtu,
        addresses=tuple(addresses),
        masqueraded=tuple(hidden),
        external=network.router_external,
    )


def _network_spaces(state: State, settings: NetworkSettings) -> Iterable[Space]:
    for network in state.networks.all():
        if not network.admin_state_up:
            continue
        port = next(
            (p for p in state.ports.by("network", network.id) if p.device_owner == DHCP), None
        )
        if port is None:
            continue
        cable = _cable(state, network, port)
        yield Space(
            name=names.network_namespace(network.id),
            cables=(
                dataclasses.replace(cable, addresses=(*cable.addresses, f"{METADATA_ADDRESS}/32")),
            ),
            dnsmasq=dhcp.network_server(state, settings, network, port),
            metadata_of=network.id,
        )


def _cable(state: State, network: Network, port: Port) -> Cable:
    return Cable(
        bridge=names.bridge_name(network.id),
        outer=names.outer_device(port.id),
        inner=names.inner_device(port.id),
        mac=port.mac_address,
        mtu=network.mtu,
        addresses=tuple(_interface(state, ip) for ip in port.fixed_ips),
    )


def _interface(state: State, ip: FixedIp) -> str:
    return _with_length(ip.ip_address, state.subnets[ip.subnet_id])


def _with_length(address: str, subnet: Subnet) -> str:
    return f"{address}/{ipaddress.ip_network(subnet.cidr).prefixlen}"


def _router_space(state: State, router: Router) -> Space:
    ports = state.ports.by("device", router.id)
    inside = sorted((p for p in ports if p.device_owner == INTERFACE), key=lambda p: p.id)
    gateway = next((p for p in ports if p.device_owner == GATEWAY), None)
    cables = [_cable(state, state.networks[port.network_id], port) for port in inside]
    routes = [Route(destination=r["destination"], via=r["nexthop"]) for r in router.routes]
    routes += _metadata_routes(state, inside)
    if gateway is not None:
        outside = _cable(state, state.networks[gateway.network_id], gateway)
        # The router must answer for floating addresses on the external network.
        floating = tuple(
            f"{one.floating_ip_address}/32" for one in state.floating.by("router", router.id)
        )
        cables.append(
            dataclasses.replace(outside, addresses=(*outside.addresses, *sorted(floating)))
        )
        routes += [
            Route(
                destination="default" if subnet.ip_version == 4 else "::/0",
                via=subnet.gateway_ip,
                device=outside.inner,
            )
            for ip in gateway.fixed_ips
            if (subnet := state.subnets[ip.subnet_id]).gateway_ip
        ]
    return Space(
        name=names.router_namespace(router.id),
        cables=tuple(cables),
        routes=tuple(routes),
        forwards=True,
        translation=_translation(state, router, inside, gateway) if gateway else "",
        dnsmasq=dhcp.router_advertiser(state, router, inside),
    )


def _metadata_routes(state: State, inside: list[Port]) -> Iterable[Route]:
    """Lead guests that ignore DHCP's routes from the router back to their own network."""
    for at, port in enumerate(inside):
        server = next(
            (p for p in state.ports.by("network", port.network_id) if p.device_owner == DHCP), None
        )
        address = (
            next((ip for ip in server.fixed_ips if "." in ip.ip_address), None) if server else None
        )
        held = {ip.subnet_id for ip in port.fixed_ips}
        if address is not None and address.subnet_id in held:
            yield Route(
                destination=f"{METADATA_ADDRESS}/32",
                via=address.ip_address,
                device=names.inner_device(port.id),
                table=100 + at,
            )


def _translation(state: State, router: Router, inside: list[Port], gateway: Port) -> str:
    device = names.inner_device(gateway.id)
    own = next((ip.ip_address for ip in gateway.fixed_ips if "." in ip.ip_address), None)
    pairs = sorted(
        (one.floating_ip_address, one.fixed_ip_address)
        for one in state.floating.by("router", router.id)
        if one.fixed_ip_address
    )
    ranges = sorted(
        {
            state.subnets[ip.subnet_id].cidr
            for port in inside
            for ip in port.fixed_ips
            if "." in ip.ip_address
        }
    )
    before = [f"ip daddr {outer} dnat to {fixed}" for outer, fixed in pairs]
    after = [f'oifname "{device}" ip saddr {fixed} snat to {outer}' for outer, fixed in pairs]
    if ranges:
        # A guest that calls a neighbour by its floating address must get the answer back here.
        after.append(
            f'oifname != "{device}" ct status dnat ip saddr {{ {", ".join(ranges)} }} masquerade'
        )
    if router.enable_snat and own:
        after.append(f'oifname "{device}" ip saddr != {own} ct status != dnat snat to {own}')
    return (
        "table ip nova_nat {\n"
        " chain before {\n  type nat hook prerouting priority dstnat;\n"
        + "".join(f"  {rule}\n" for rule in before)
        + " }\n chain after {\n  type nat hook postrouting priority srcnat;\n"
        + "".join(f"  {rule}\n" for rule in after)
        + " }\n}\n"
    )


def guest_ports(state: State) -> list[Port]:
    """Return the ports that a guest's tap may belong to."""
    return [
        port
        for port in state.ports.all()
        if port.device_owner not in (DHCP, INTERFACE, GATEWAY, FLOATING)
    ]
