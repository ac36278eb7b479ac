"""A network service in memory, for tests and for clouds without networks."""

from __future__ import annotations

import dataclasses
import ipaddress
import threading
from collections.abc import Collection, Mapping, Sequence

from nova_clone.clients import network_rules
from nova_clone.clients.network_rules import DEFAULT_GROUP, FoundPort
from nova_clone.domain import errors
from nova_clone.domain.identity import RequestContext, new_uuid
from nova_clone.domain.port import (
    FixedAddress,
    Network,
    NetworkMode,
    PortNeeds,
    RequestedNetwork,
    RequestedNetworks,
    Subnet,
    Vif,
)
from nova_clone.domain.resources import RequestGroup
from nova_clone.domain.server.server import Server


@dataclasses.dataclass(frozen=True, kw_only=True)
class FakePort:
    """A port of the fake; ``made_for`` names the server that Nova made it for."""

    id: str
    network_id: str
    project_id: str
    mac_address: str
    addresses: tuple[FixedAddress, ...] = ()
    device_id: str = ""
    host: str = ""
    made_for: str | None = None
    place: int = 1000
    tag: str | None = None
    security_groups: tuple[str, ...] = ()
    vnic_type: str = "normal"
    request_groups: tuple[RequestGroup, ...] = ()
    same_subtree: tuple[tuple[str, ...], ...] = ()
    allocation: Mapping[str, str] = dataclasses.field(default_factory=dict)


class FakeNetworks:
    """`NetworkService` in memory; what it keeps can be looked at and added to."""

    def __init__(self) -> None:
        self.networks: dict[str, Network] = {}
        self.subnets: dict[str, Subnet] = {}
        self.ports: dict[str, FakePort] = {}
        #: Security groups: id to project and name.
        self.groups: dict[str, tuple[str, str]] = {}
        #: Most ports of each project; none means any number.
        self.port_limits: dict[str, int] = {}
        #: Hosts on which no port can be bound.
        self.broken_hosts: set[str] = set()
        #: Ports that cannot be changed.
        self.broken_ports: set[str] = set()
        self._subnet_networks: dict[str, str] = {}
        self._lock = threading.RLock()
        self._macs = 0

    def add_network(
        self,
        project_id: str,
        *,
        cidr: str | None = "10.0.0.0/24",
        name: str = "net",
        shared: bool = False,
        external: bool = False,
    ) -> Network:
        """Add a network, with a subnet unless `cidr` is None."""
        network = Network(
            id=new_uuid(),
            name=name,
            project_id=project_id,
            shared=shared,
            external=external,
            mtu=1500,
        )
        if cidr is not None:
            range_ = ipaddress.ip_network(cidr)
            subnet = Subnet(
                id=new_uuid(), cidr=cidr, version=range_.version, gateway=str(range_[1])
            )
            self.subnets[subnet.id] = subnet
            self._subnet_networks[subnet.id] = network.id
            network = dataclasses.replace(network, subnet_ids=(subnet.id,))
        self.networks[network.id] = network
        return network

    def add_subnet(self, network: Network, subnet: Subnet) -> None:
        """Add a subnet, or change one."""
        self.subnets[subnet.id] = subnet
        self._subnet_networks[subnet.id] = network.id

    def add_port(self, network: Network, *, project_id: str | None = None) -> FakePort:
        """Add a port that somebody made beforehand."""
        with self._lock:
            port = self._new_port(network.id, project_id or network.project_id or "", None)
            self.ports[port.id] = port
            return port

    def add_group(self, project_id: str, name: str) -> str:
        """Add a security group and return its id."""
        key = new_uuid()
        self.groups[key] = (project_id, name)
        return key

    def add_floating(self, port_id: str, address: str) -> None:
        """Lead a floating address to the first address of a port."""
        with self._lock:
            port = self.ports[port_id]
            first, *others = port.addresses
            first = dataclasses.replace(first, floating=(*first.floating, address))
            self.ports[port_id] = dataclasses.replace(port, addresses=(first, *others))

    def resolve(
        self, context: RequestContext, requested: RequestedNetworks, count: int
    ) -> RequestedNetworks:
        """Return the concrete networks for `count` new servers."""
        lookup = _FakeLookup(self, context.project_id or "")
        return network_rules.resolve(lookup, context, requested, count)

    def segments(
        self, context: RequestContext, requested: RequestedNetworks
    ) -> tuple[tuple[str, ...], ...]:
        """Return, for each routed one of resolved networks, the segments that would do."""
        return network_rules.segments(_FakeLookup(self, context.project_id or ""), requested)

    def allocate(
        self, context: RequestContext, server: Server, requested: RequestedNetworks, *, host: str
    ) -> tuple[Vif, ...]:
        """Find, make and bind the ports of a server."""
        if requested.mode is not NetworkMode.LISTED:
            return ()
        with self._lock:
            present = {port.place: port for port in self._of(server.id) if port.made_for}
            wanted: list[FakePort] = []
            for place, item in enumerate(requested.items):
                if item.port_id:
                    port = self._take(server, item)
                elif place in present:
                    port = present[place]
                else:
                    port = self._make(server, item, requested.security_groups)
                wanted.append(
                    dataclasses.replace(
                        port,
                        device_id=server.id,
                        host=host,
                        place=place,
                        tag=item.tag,
                        allocation=item.allocation,
                    )
                )
            self._check_room(server.project_id, wanted)
            self.ports.update({port.id: port for port in wanted})
            if host in self.broken_hosts:
                raise errors.ExternalFailure(f"Binding failed for port {wanted[0].id}.")
            return tuple(self._vif(port) for port in wanted)

    def vifs(self, server_id: str) -> tuple[Vif, ...]:
        """Return the ports that a server has."""
        with self._lock:
            return tuple(self._vif(port) for port in self._of(server_id))

    def release(self, server_id: str) -> None:
        """Delete the ports made for a server and set the others free."""
        with self._lock:
            for port in self._of(server_id):
                if port.made_for == server_id:
                    del self.ports[port.id]
                else:
                    self.ports[port.id] = dataclasses.replace(
                        port, device_id="", host="", place=1000, tag=None, allocation={}
                    )

    def bind(self, server_id: str, *, host: str) -> tuple[Vif, ...]:
        """Bind the ports of a server to a host and return them."""
        with self._lock:
            for port in self._of(server_id):
                self.ports[port.id] = dataclasses.replace(port, host=host)
            if host in self.broken_hosts:
                raise errors.ExternalFailure(f"Binding failed for ports of server {server_id}.")
            return self.vifs(server_id)

    def unbind(self, server_id: str) -> None:
        """Bind the ports of a server to no host."""
        with self._lock:
            for port in self._of(server_id):
                self.ports[port.id] = dataclasses.replace(port, host="")

    def taken_ports(self) -> dict[str, str]:
        """Return every port that Nova gave to a server, and whose it is."""
        with self._lock:
            return {port.id: port.device_id for port in self.ports.values() if port.device_id}

    def port_needs(self, server_id: str) -> tuple[PortNeeds, ...]:
        """Return what those ports of a server need that need anything of its host."""
        with self._lock:
            return tuple(
                PortNeeds(
                    port_id=port.id,
                    request_groups=port.request_groups,
                    same_subtree=port.same_subtree,
                    allocation=port.allocation,
                )
                for port in self._of(server_id)
                if port.request_groups
            )

    def tell_allocation(self, port_id: str, allocation: Mapping[str, str]) -> None:
        """Tell a port which providers, by suffix of group, give it what it needs."""
        with self._lock:
            if port_id in self.broken_ports:
                raise errors.Unavailable(f"Port {port_id} cannot be changed.")
            port = self.ports[port_id]
            self.ports[port_id] = dataclasses.replace(port, allocation=allocation)

    def delete_port(self, port_id: str) -> None:
        """Delete a port; one that is gone is fine."""
        with self._lock:
            self.ports.pop(port_id, None)

    def security_groups(self, context: RequestContext, names: Sequence[str]) -> tuple[str, ...]:
        """Return the ids of the project's groups with these names or ids."""
        lookup = _FakeLookup(self, context.project_id or "")
        return tuple(network_rules.group_id(lookup, name) for name in dict.fromkeys(names))

    def _of(self, server_id: str) -> list[FakePort]:
        found = [port for port in self.ports.values() if port.device_id == server_id]
        return sorted(found, key=lambda port: (port.place, port.id))

    def _take(self, server: Server, item: RequestedNetwork) -> FakePort:
        port = self.ports.get(item.port_id or "")
        if port is None:
            raise errors.NotFound(f"Port {item.port_id} could not be found.")
        if port.device_id not in ("", server.id):
            raise errors.Conflict(f"Port {port.id} is still in use.")
        return port

    def _make(self, server: Server, item: RequestedNetwork, names: Sequence[str]) -> FakePort:
        network_id = item.network_id or ""
        if network_id not in self.networks:
            raise errors.NotFound(f"Network {network_id} could not be found.")
        port = self._new_port(network_id, server.project_id, item.fixed_ip)
        lookup = _FakeLookup(self, server.project_id)
        groups = tuple(
            network_rules.group_id(lookup, name) for name in names if name != DEFAULT_GROUP
        )
        return dataclasses.replace(port, made_for=server.id, security_groups=groups)

    def _new_port(self, network_id: str, project_id: str, address: str | None) -> FakePort:
        self._macs += 1
        tail = self._macs.to_bytes(3, "big")
        return FakePort(
            id=new_uuid(),
            network_id=network_id,
            project_id=project_id,
            mac_address=":".join(("fa:16:3e", *(f"{byte:02x}" for byte in tail))),
            addresses=tuple(
                FixedAddress(
                    address=self._address(network_id, subnet, address),
                    subnet_id=subnet.id,
                    version=subnet.version,
                )
                for subnet in self.subnets_of(network_id)
            ),
        )

    def _address(self, network_id: str, subnet: Subnet, wanted: str | None) -> str:
        if wanted is not None:
            if self.is_taken(network_id, wanted):
                raise errors.Invalid(f"IP address {wanted} already allocated.")
            return wanted
        taken = {
            one.address
            for port in self.ports.values()
            if port.network_id == network_id
            for one in port.addresses
        } | {subnet.gateway}
        for address in ipaddress.ip_network(subnet.cidr).hosts():
            if str(address) not in taken:
                return str(address)
        raise errors.Conflict(f"No more IP addresses available on network {network_id}.")

    def subnets_of(self, network_id: str) -> tuple[Subnet, ...]:
        """Return the subnets of a network."""
        return tuple(
            self.subnets[key] for key, owner in self._subnet_networks.items() if owner == network_id
        )

    def is_taken(self, network_id: str, address: str) -> bool:
        """Tell whether a port of the network has the address."""
        return any(
            one.address == address
            for port in list(self.ports.values())
            if port.network_id == network_id
            for one in port.addresses
        )

    def _check_room(self, project_id: str, wanted: Sequence[FakePort]) -> None:
        limit = self.port_limits.get(project_id)
        used = {port.id for port in self.ports.values() if port.project_id == project_id}
        if limit is not None and len(used | {port.id for port in wanted}) > limit:
            raise errors.OverQuota("Maximum number of ports exceeded")

    def _vif(self, port: FakePort) -> Vif:
        network = self.networks[port.network_id]
        used = {one.subnet_id for one in port.addresses}
        return Vif(
            port_id=port.id,
            network_id=network.id,
            network_label=network.name,
            mac_address=port.mac_address,
            addresses=port.addresses,
            subnets=tuple(one for one in self.subnets_of(network.id) if one.id in used),
            vif_type="bridge" if port.host else "unbound",
            vif_details={"bridge_name": f"brq{network.id[:11]}"} if port.host else {},
            device_name=f"tap{port.id[:11]}",
            mtu=network.mtu,
            active=bool(port.host),
            tag=port.tag,
            owned=port.made_for == port.device_id,
            security_groups=port.security_groups,
        )


class _FakeLookup:
    """`network_rules.Lookup` on the fake's records."""

    def __init__(self, fake: FakeNetworks, project_id: str) -> None:
        self._fake = fake
        self._project_id = project_id

    def networks(self, ids: Collection[str]) -> list[Network]:
        return [
            network
            for key in ids
            if (network := self._fake.networks.get(key)) is not None
            and (network.shared or network.external or network.project_id == self._project_id)
        ]

    def available(self) -> list[Network]:
        return [
            network
            for network in list(self._fake.networks.values())
            if network.shared or (network.project_id == self._project_id and not network.external)
        ]

    def subnets(self, network_id: str) -> tuple[Subnet, ...]:
        return self._fake.subnets_of(network_id)

    def ports(self, ids: Collection[str]) -> list[FoundPort]:
        return [
            FoundPort(
                id=port.id,
                network_id=port.network_id,
                project_id=port.project_id,
                device_id=port.device_id,
                addressed=bool(port.addresses),
                subnet_ids=tuple(address.subnet_id for address in port.addresses),
                vnic_type=port.vnic_type,
                request_groups=port.request_groups,
                same_subtree=port.same_subtree,
            )
            for key in ids
            if (port := self._fake.ports.get(key)) is not None
        ]

    def is_taken(self, network_id: str, address: str) -> bool:
        return self._fake.is_taken(network_id, address)

    def room(self) -> int | None:
        limit = self._fake.port_limits.get(self._project_id)
        if limit is None:
            return None
        ports = list(self._fake.ports.values())
        return limit - sum(1 for port in ports if port.project_id == self._project_id)

    def groups(self, name: str) -> list[str]:
        own = {
            key: known
            for key, (project, known) in self._fake.groups.items()
            if project == self._project_id
        }
        return [name] if name in own else [key for key, known in own.items() if known == name]

    def topology(self) -> str | None:
        return None
