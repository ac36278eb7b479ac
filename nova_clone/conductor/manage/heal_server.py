"""One server that lacks an allocation, or a part of it, and how it gets that."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from nova_clone.conductor.audit import Records
from nova_clone.conductor.manage.heal_plan import Holdings, Plan, PortChange, Tally
from nova_clone.conductor.store.unit_of_work import Store, UnitOfWork
from nova_clone.contracts.placement_store import AllocationQuery
from nova_clone.domain import errors
from nova_clone.domain.memory_encryption import MEM_ENCRYPTION_CONTEXT, wanted
from nova_clone.domain.port import PortNeeds
from nova_clone.domain.resources import (
    DISK_GB,
    MEMORY_MB,
    VCPU,
    Allocation,
    Amounts,
    Provider,
    RequestGroup,
)
from nova_clone.domain.server.server import Server

#: Exit codes of the reference.
NO_NODE, NOT_CREATED, PORTS_UNKNOWN, PORTS_UNCHANGED, PORTS_SPOILT, UNSUPPORTED = 2, 3, 5, 6, 7, 8
CONSUMER_TYPE = "INSTANCE"
_RESOURCES = "resources:"


class Ports(Protocol):
    """What healing needs of the network service."""

    def port_needs(self, server_id: str) -> tuple[PortNeeds, ...]:
        """Return what those ports of a server need that need anything of its host."""

    def tell_allocation(self, port_id: str, allocation: Mapping[str, str]) -> None:
        """Tell a port which providers, by suffix of group, give it what it needs."""


class Failed(errors.NovaError):
    """A server cannot be healed; ``exit_code`` is the command's for it."""

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class _Unsupported(errors.Invalid):
    """The server asks for resources in a form that cannot be put right from here."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Terms:
    """How thorough to be: whether to replace what is there, and whether to look at ports."""

    force: bool = False
    ports: bool = True


class Healing:
    """Looks at servers one by one, and gives each what it should have."""

    def __init__(
        self, store: Store, records: Records, ports: Callable[[], Ports], terms: Terms
    ) -> None:
        self._store = store
        self._records = records
        self._ports = ports
        self._terms = terms
        self._held = {item.consumer_id: item for item in records.allocations}

    def plan(self, server: Server) -> Plan | None:
        """Return what a server is to get, ``None`` for nothing; raises `Failed`."""
        needs = self._needs(server)
        held = self._held.get(server.id)
        node = self._node(server)
        bare = held is None or not held.resources
        if node is None:
            if bare or needs or self._terms.force:
                where = f"on node {server.node}, which has no resource provider"
                raise Failed(NO_NODE, f"Server {server.id} is {where}.")
            return None
        incomplete = held is None or not held.project_id or not held.user_id
        try:
            plan = self._store.read(
                lambda work: self._plan(work, server, node, needs, anew=bare or self._terms.force)
            )
        except _Unsupported as error:
            raise Failed(UNSUPPORTED, f"Server {server.id}: {error.message}") from error
        except (errors.Conflict, errors.Invalid, errors.NotFound) as error:
            raise _not_created(server, error) from error
        ill = incomplete or plan.ports or plan.resources != plan.before
        return plan if ill or self._terms.force else None

    def carry_out(self, server: Server, plan: Plan) -> None:
        """Tell the ports, then write the allocation; raises `Failed`, with the ports as before."""
        told: list[PortChange] = []
        for change in plan.ports:
            told.append(change)
            try:
                self._ports().tell_allocation(change.port_id, change.after)
            except errors.NovaError as error:
                self._take_back(told)
                message = f"Port {change.port_id} cannot be changed: {error.message}"
                raise Failed(PORTS_UNCHANGED, message) from error
        try:
            self._store.run(lambda work: _put(work, server.id, plan))
        except errors.NovaError as error:
            self._take_back(told)
            raise _not_created(server, error) from error

    def _needs(self, server: Server) -> tuple[PortNeeds, ...]:
        if not self._terms.ports or not server.vifs:
            return ()
        try:
            return self._ports().port_needs(server.id)
        except errors.NovaError as error:
            message = f"The ports of server {server.id} cannot be asked for: {error.message}"
            raise Failed(PORTS_UNKNOWN, message) from error

    def _node(self, server: Server) -> Provider | None:
        known = self._records.providers
        nodes = (known[each] for each in sorted(self._records.nodes) if each in known)
        return next((node for node in nodes if node.name == server.node), None)

    def _plan(
        self,
        work: UnitOfWork,
        server: Server,
        node: Provider,
        needs: Iterable[PortNeeds],
        *,
        anew: bool,
    ) -> Plan:
        before = _held(work, server.id)
        base = {node.id: _amounts(work, server)} if anew else before
        tree = [work.placement.provider(each) for each in self._below(node)]
        tally = Tally(tree, before=before, base=base)
        tally.add_devices(node.name, work.placings.devices(node.id, server.id))
        encryption = _encryption(server)
        if encryption is not None:
            tally.add_port(encryption)
        changes = []
        # Ports that were told something leave the others less to choose from.
        for port in sorted(needs, key=lambda port: (not port.allocation, port.port_id)):
            chosen = tally.add_port(port)
            if chosen != port.allocation:
                changes.append(
                    PortChange(port_id=port.port_id, before=port.allocation, after=chosen)
                )
        return Plan(before=before, resources=_real(tally.resources), ports=tuple(changes))

    def _below(self, node: Provider) -> list[str]:
        """Return the node with everything below it."""
        found = [node.id]
        for above in found:
            found += [
                each.id for each in self._records.providers.values() if each.parent_id == above
            ]
        return found

    def _take_back(self, told: Iterable[PortChange]) -> None:
        spoilt = []
        for change in told:
            try:
                self._ports().tell_allocation(change.port_id, change.before)
            except errors.NovaError:
                spoilt.append(f"port {change.port_id} must have {dict(change.before)}")
        if spoilt:
            raise Failed(
                PORTS_SPOILT,
                "Not every change of ports could be taken back. As allocation in its "
                f"binding:profile, {'; '.join(spoilt)}.",
            )


def _not_created(server: Server, error: errors.NovaError) -> Failed:
    message = f"The allocation of server {server.id} cannot be made: {error.message}"
    return Failed(NOT_CREATED, message)


def _held(work: UnitOfWork, server_id: str) -> Holdings:
    found = work.placement.allocations(AllocationQuery(consumers=(server_id,))).allocations
    return found[0].resources if found else {}


def _real(resources: Holdings) -> dict[str, Amounts]:
    found = {
        provider_id: {name: amount for name, amount in amounts.items() if amount}
        for provider_id, amounts in resources.items()
    }
    return {provider_id: amounts for provider_id, amounts in found.items() if amounts}


def _put(work: UnitOfWork, server_id: str, plan: Plan) -> None:
    server = work.servers.get(server_id)
    busy = server.host is None or server.id in work.workflows.live([server_id])
    if busy or _held(work, server_id) != plan.before:
        raise errors.Conflict("Somebody works on it now; try again.")
    work.placement.claim(
        Allocation(
            consumer_id=server_id,
            resources=plan.resources,
            project_id=server.project_id,
            user_id=server.user_id,
            consumer_type=CONSUMER_TYPE,
        )
    )
    group_id = work.server_groups.group_of(server_id)
    if group_id is not None and server.host is not None:
        work.placement.count_for(server_id, group_id=group_id, host=server.host)


def _encryption(server: Server) -> PortNeeds | None:
    """Return the context that a server needs, as if a port needed it."""
    model = wanted(server.flavor, server.image_properties)
    if model is None or _RESOURCES + MEM_ENCRYPTION_CONTEXT in server.flavor.extra_specs:
        return None
    group = RequestGroup(
        resources={MEM_ENCRYPTION_CONTEXT: 1}, required=(frozenset({model.trait}),)
    )
    return PortNeeds(port_id=f"server {server.id}", request_groups=(group,))


def _amounts(work: UnitOfWork, server: Server) -> Amounts:
    """Return what a server takes of its host. Raises `_Unsupported` for granular requests."""
    flavor = server.flavor
    try:
        from_volume = work.request_specs.get(server.id).boots_from_volume
    except errors.NotFound:
        from_volume = server.image_id is None
    root = 0 if from_volume else flavor.disk
    swap_gb = -(-flavor.swap // 1024)
    amounts = {
        VCPU: flavor.vcpus,
        MEMORY_MB: flavor.ram,
        DISK_GB: root + flavor.ephemeral + swap_gb,
    }
    for key, value in flavor.extra_specs.items():
        if key == "hw:cpu_policy" and value != "shared":
            raise _Unsupported("pinned CPUs are given by the scheduler alone; rebuild or move it.")
        if not key.startswith("resources"):
            continue
        if not key.startswith(_RESOURCES):
            raise _Unsupported(f"{key} may come from several providers; rebuild or move it.")
        if not value.isdigit():
            raise _Unsupported(f"{key} is no number.")
        amounts[key.removeprefix(_RESOURCES)] = int(value)
    return {name: amount for name, amount in amounts.items() if amount > 0}
