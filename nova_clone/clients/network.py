"""The network service: what servers need of it, over the Networking API v2.0."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

from keystoneauth1 import adapter as ksa_adapter
from keystoneauth1 import exceptions

from nova_clone.clients import network_rules, network_wire
from nova_clone.clients.network_rules import DEFAULT_GROUP, FoundPort
from nova_clone.clients.network_wire import Body
from nova_clone.clients.session import Connection, translated
from nova_clone.domain import errors
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.port import (
    Network,
    NetworkMode,
    PortNeeds,
    RequestedNetwork,
    RequestedNetworks,
    Subnet,
    Vif,
)
from nova_clone.domain.server.server import Server

#: Seconds that a network and its subnets are believed to stay as they were.
CACHE_SECONDS = 30.0
_CACHE_SIZE = 10_000
#: Ids in one query; more would make the URL too long for some servers.
_IDS_PER_QUERY = 100
_NOT_BOUND = "binding_failed"


class NetworkService(Protocol):
    """What the conductor and the computes need of the network service."""

    def resolve(
        self, context: RequestContext, requested: RequestedNetworks, count: int
    ) -> RequestedNetworks:
        """Return the concrete networks for `count` new servers, mode LISTED or NONE.

        Raises NotFound or Invalid for what cannot be used, Conflict for what is
        ambiguous or in use, Forbidden for external networks, OverQuota for ports.
        """

    def segments(
        self, context: RequestContext, requested: RequestedNetworks
    ) -> tuple[tuple[str, ...], ...]:
        """Return, for each routed one of resolved networks, the segments that would do."""

    def allocate(
        self, context: RequestContext, server: Server, requested: RequestedNetworks, *, host: str
    ) -> tuple[Vif, ...]:
        """Find, make and bind the ports of a server, in order; may be repeated.

        Raises OverQuota, Conflict, NotFound or Invalid when the service refuses a port
        and ExternalFailure when it cannot bind one to `host`.
        """

    def vifs(self, server_id: str) -> tuple[Vif, ...]:
        """Return the ports that a server has, in order."""

    def release(self, server_id: str) -> None:
        """Delete the ports made for a server and set the others free; may be repeated."""

    def bind(self, server_id: str, *, host: str) -> tuple[Vif, ...]:
        """Bind the ports of a server to a host and return them."""

    def unbind(self, server_id: str) -> None:
        """Bind the ports of a server to no host."""

    def taken_ports(self) -> dict[str, str]:
        """Return every port that Nova gave to a server, and whose it is."""

    def delete_port(self, port_id: str) -> None:
        """Delete a port; one that is gone is fine."""

    def security_groups(self, context: RequestContext, names: Sequence[str]) -> tuple[str, ...]:
        """Return the ids of the project's groups with these names or ids.

        Raises Invalid for an unknown and Conflict for an ambiguous name.
        """


class Networks:
    """`NetworkService` over HTTP. Threads share it."""

    def __init__(
        self, connection: Connection, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Network, tuple[Subnet, ...]]] = {}

    def resolve(
        self, context: RequestContext, requested: RequestedNetworks, count: int
    ) -> RequestedNetworks:
        """Return the concrete networks for `count` new servers."""
        return network_rules.resolve(self._lookup(context), context, requested, count)

    def segments(
        self, context: RequestContext, requested: RequestedNetworks
    ) -> tuple[tuple[str, ...], ...]:
        """Return, for each routed one of resolved networks, the segments that would do."""
        return network_rules.segments(self._lookup(context), requested)

    def allocate(
        self, context: RequestContext, server: Server, requested: RequestedNetworks, *, host: str
    ) -> tuple[Vif, ...]:
        """Find, make and bind the ports of a server."""
        if requested.mode is not NetworkMode.LISTED or not requested.items:
            return ()
        service = self._service(context)
        present = {port["id"]: port for port in self._ports_of(service, server.id)}
        made = {
            network_wire.place_of(port): port
            for port in present.values()
            if network_wire.is_made(port)
        }
        ports: dict[int, Body] = {}
        missing: list[int] = []
        for place, item in enumerate(requested.items):
            if item.port_id:
                ports[place] = self._take(service, server, item, place, host, present)
            elif place in made:
                ports[place] = _bound(service, made[place], host)
            else:
                missing.append(place)
        if missing:
            ports |= self._make(service, context, server, requested, missing, host)
        return self._vifs(service, [ports[place] for place in sorted(ports)], host=host)

    def vifs(self, server_id: str) -> tuple[Vif, ...]:
        """Return the ports that a server has."""
        service = self._service()
        return self._vifs(service, self._ports_of(service, server_id), floating=True)

    def release(self, server_id: str) -> None:
        """Delete the ports made for a server and set the others free."""
        service = self._service()
        for port in self._ports_of(service, server_id):
            if network_wire.is_made(port):
                self._delete(service, port["id"])
            else:
                with contextlib.suppress(errors.NotFound):
                    _update(service, port["id"], network_wire.given_back(port))

    def bind(self, server_id: str, *, host: str) -> tuple[Vif, ...]:
        """Bind the ports of a server to a host and return them."""
        service = self._service()
        bound = [_bound(service, port, host) for port in self._ports_of(service, server_id)]
        return self._vifs(service, bound, host=host, floating=True)

    def unbind(self, server_id: str) -> None:
        """Bind the ports of a server to no host."""
        service = self._service()
        for port in self._ports_of(service, server_id):
            if port.get("binding:host_id"):
                with contextlib.suppress(errors.NotFound):
                    _update(service, port["id"], {"binding:host_id": ""})

    def taken_ports(self) -> dict[str, str]:
        """Return every port that Nova gave to a server, and whose it is."""
        found = _list(self._service(), "ports")
        notes = {port["id"]: network_wire.note_of(port).get("server") for port in found}
        return {port_id: server_id for port_id, server_id in notes.items() if server_id}

    def port_needs(self, server_id: str) -> tuple[PortNeeds, ...]:
        """Return what those ports of a server need that need anything of its host."""
        found = map(network_wire.port_needs, self._ports_of(self._service(), server_id))
        return tuple(each for each in found if each.request_groups)

    def tell_allocation(self, port_id: str, allocation: Mapping[str, str]) -> None:
        """Tell a port which providers, by suffix of group, give it what it needs."""
        service = self._service()
        item = RequestedNetwork(port_id=port_id, allocation=allocation)
        profile = network_wire.allocated(_show(service, port_id), item)
        _update(service, port_id, {"binding:profile": profile})

    def delete_port(self, port_id: str) -> None:
        """Delete a port; one that is gone is fine."""
        self._delete(self._service(), port_id)

    def security_groups(self, context: RequestContext, names: Sequence[str]) -> tuple[str, ...]:
        """Return the ids of the project's groups with these names or ids."""
        lookup = self._lookup(context)
        return tuple(network_rules.group_id(lookup, name) for name in dict.fromkeys(names))

    def _service(self, context: RequestContext | None = None) -> ksa_adapter.Adapter:
        return self._connection.as_service(context)

    def _lookup(self, context: RequestContext) -> _Lookup:
        return _Lookup(
            self._connection.for_request(context),
            self._service(context)
            if self._connection.has_credentials
            else self._connection.for_request(context),
            project_id=context.project_id or "",
        )

    def _ports_of(self, service: ksa_adapter.Adapter, server_id: str) -> list[Body]:
        found = [
            port
            for port in _list(service, "ports", device_id=[server_id])
            if network_wire.belongs_to(port, server_id)
        ]
        return sorted(found, key=lambda port: (network_wire.place_of(port), port["id"]))

    def _take(
        self,
        service: ksa_adapter.Adapter,
        server: Server,
        item: RequestedNetwork,
        place: int,
        host: str,
        present: Mapping[str, Body],
    ) -> Body:
        """Make an existing port the server's, unless it is already."""
        port_id = item.port_id or ""
        port = present.get(port_id)
        if port is not None and network_wire.place_of(port) == place:
            return _bound(service, port, host, network_wire.allocated(port, item))
        port = port or _show(service, port_id)
        if port.get("device_id") not in ("", None, server.id):
            raise errors.Conflict(f"Port {port_id} is still in use.")
        changes = network_wire.taken_port(server, item, port, place=place, host=host)
        return _update(service, port_id, changes)

    def _make(
        self,
        service: ksa_adapter.Adapter,
        context: RequestContext,
        server: Server,
        requested: RequestedNetworks,
        places: Sequence[int],
        host: str,
    ) -> dict[int, Body]:
        groups = self._groups_for(server, requested)
        bodies = [
            network_wire.new_port(
                server, requested.items[place], place=place, host=host, groups=groups
            )
            for place in places
        ]
        with _refusals():
            answer = service.post("/v2.0/ports", json={"ports": bodies})
        made: list[Body] = answer.json()["ports"]
        return {network_wire.place_of(port): port for port in made}

    def _groups_for(self, server: Server, requested: RequestedNetworks) -> Sequence[str] | None:
        """Return the groups of new ports, None for what the network service does anyway."""
        names = requested.security_groups
        if all(name == DEFAULT_GROUP for name in names):
            return None
        service = self._service()
        lookup = _Lookup(service, service, project_id=server.project_id)
        return [network_rules.group_id(lookup, name) for name in dict.fromkeys(names)]

    def _delete(self, service: ksa_adapter.Adapter, port_id: str) -> None:
        with contextlib.suppress(errors.NotFound), _refusals():
            service.delete(f"/v2.0/ports/{port_id}")

    def _vifs(
        self,
        service: ksa_adapter.Adapter,
        ports: Sequence[Body],
        *,
        host: str | None = None,
        floating: bool = False,
    ) -> tuple[Vif, ...]:
        for port in ports:
            if host is not None and port.get("binding:vif_type") == _NOT_BOUND:
                raise errors.ExternalFailure(
                    f"Binding failed for port {port['id']}, please check neutron logs for more"
                    " information."
                )
        known = self._details(service, {port["network_id"] for port in ports})
        leading: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        if floating and ports:
            for one in _list(service, "floatingips", port_id=[port["id"] for port in ports]):
                leading[one["port_id"]][one["fixed_ip_address"]].append(one["floating_ip_address"])
        return tuple(
            network_wire.vif(port, *known[port["network_id"]], leading[port["id"]])
            for port in ports
        )

    def _details(
        self, service: ksa_adapter.Adapter, ids: Collection[str]
    ) -> dict[str, tuple[Network | None, tuple[Subnet, ...]]]:
        """Return networks with their subnets, from memory while that is fresh."""
        now = self._clock()
        details: dict[str, tuple[Network | None, tuple[Subnet, ...]]] = {}
        with self._lock:
            for key in ids:
                until, network, subnets = self._known.get(key, (now, None, ()))
                if until > now:
                    details[key] = (network, subnets)
        asked = sorted(set(ids) - details.keys())
        if not asked:
            return details
        networks = [network_wire.network(one) for one in _list(service, "networks", id=asked)]
        subnets_of: dict[str, list[Subnet]] = defaultdict(list)
        for one in _list(service, "subnets", network_id=asked):
            subnets_of[one["network_id"]].append(network_wire.subnet(one))
        with self._lock:
            if len(self._known) > _CACHE_SIZE:
                self._known.clear()
            for network in networks:
                subnets = tuple(subnets_of[network.id])
                self._known[network.id] = (now + CACHE_SECONDS, network, subnets)
                details[network.id] = (network, subnets)
        return {key: details.get(key, (None, ())) for key in ids}


class _Lookup:
    """`network_rules.Lookup` over HTTP: sees networks as the user, ports as the daemon."""

    def __init__(
        self, user: ksa_adapter.Adapter, service: ksa_adapter.Adapter, *, project_id: str
    ) -> None:
        self._user = user
        self._service = service
        self._project_id = project_id

    def networks(self, ids: Collection[str]) -> list[Network]:
        found = [network_wire.network(one) for one in _list(self._user, "networks", id=list(ids))]
        # The daemon's own token sees everybody's.
        return [
            network
            for network in found
            if network.shared or network.external or network.project_id == self._project_id
        ]

    def available(self) -> list[Network]:
        own = _list(self._user, "networks", project_id=[self._project_id])
        shared = _list(self._user, "networks", shared=["True"])
        found = {one["id"]: network_wire.network(one) for one in (*own, *shared)}
        return [network for network in found.values() if network.shared or not network.external]

    def subnets(self, network_id: str) -> tuple[Subnet, ...]:
        found = _list(self._service, "subnets", network_id=[network_id])
        return tuple(network_wire.subnet(one) for one in found)

    def ports(self, ids: Collection[str]) -> list[FoundPort]:
        return [network_wire.found_port(one) for one in _list(self._service, "ports", id=list(ids))]

    def is_taken(self, network_id: str, address: str) -> bool:
        found = _list(
            self._service,
            "ports",
            network_id=[network_id],
            fixed_ips=[f"ip_address={address}"],
            fields=["id"],
        )
        return bool(found)

    def room(self) -> int | None:
        try:
            with _refusals():
                answer = self._service.get(f"/v2.0/quotas/{self._project_id}/details")
        except errors.NotFound:
            # Without the extension the limit shows when the ports are made.
            return None
        quota = answer.json()["quota"].get("port", {"limit": -1})
        if quota["limit"] < 0:
            return None
        return int(quota["limit"]) - int(quota["used"]) - int(quota.get("reserved", 0))

    def groups(self, name: str) -> list[str]:
        found = _list(
            self._service,
            "security-groups",
            project_id=[self._project_id],
            fields=["id", "name"],
        )
        exact = [one["id"] for one in found if one["id"] == name]
        return exact or [one["id"] for one in found if one["name"] == name]

    def topology(self) -> str | None:
        try:
            with _refusals():
                path = f"/v2.0/auto-allocated-topology/{self._project_id}"
                answer = self._user.get(path)
        except (errors.NotFound, errors.Invalid, errors.Conflict):
            return None
        found: str = answer.json()["auto_allocated_topology"]["id"]
        return found


def _list(service: ksa_adapter.Adapter, noun: str, **query: Sequence[str]) -> list[Body]:
    """Return the records for which every parameter has one of its values."""
    found: list[Body] = []
    many = next((name for name, values in query.items() if len(values) > _IDS_PER_QUERY), None)
    values = query[many] if many else ()
    for start in range(0, len(values) or 1, _IDS_PER_QUERY):
        part = {many: values[start : start + _IDS_PER_QUERY]} if many else {}
        pairs = [(name, value) for name, some in {**query, **part}.items() for value in some]
        with _refusals():
            answer = service.get(f"/v2.0/{noun}", params=pairs)
        found += answer.json()[noun.replace("-", "_")]
    return found


def _show(service: ksa_adapter.Adapter, port_id: str) -> Body:
    with _refusals():
        body: Body = service.get(f"/v2.0/ports/{port_id}").json()["port"]
    return body


def _update(service: ksa_adapter.Adapter, port_id: str, changes: Mapping[str, Any]) -> Body:
    with _refusals():
        answer = service.put(f"/v2.0/ports/{port_id}", json={"port": dict(changes)})
    body: Body = answer.json()["port"]
    return body


def _bound(
    service: ksa_adapter.Adapter, port: Body, host: str, profile: Body | None = None
) -> Body:
    """Return the port bound to `host`, with `profile` if any, binding it if it is not."""
    told = profile is None or profile == (port.get("binding:profile") or {})
    if port.get("binding:host_id") == host:
        if told and port.get("binding:vif_type") not in (_NOT_BOUND, "unbound"):
            return port
        # The same host again is no change, so nothing would be tried anew.
        _update(service, port["id"], {"binding:host_id": ""})
    changes = {} if told else {"binding:profile": profile}
    return _update(service, port["id"], {"binding:host_id": host, **changes})


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """Turn the service's refusals into errors by meaning."""
    with translated("network"):
        try:
            yield
        except exceptions.HttpError as error:
            kind, message = _fault(error)
            if kind == "OverQuota":
                raise errors.OverQuota("Maximum number of ports exceeded") from error
            if kind in ("IpAddressGenerationFailure", "IpAddressInUse"):
                raise errors.Conflict(message) from error
            if kind == "IpAddressAlreadyAllocated":
                raise errors.Invalid(message) from error
            raise


def _fault(error: exceptions.HttpError) -> tuple[str, str]:
    """Return type and message of the fault that was answered."""
    if error.response is None:
        return "", ""
    try:
        fault = error.response.json()["NeutronError"]
        return str(fault["type"]), str(fault["message"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return "", ""
