"""The stage on which the conductor's workflows are played: a real store, two pretended hosts.

`host-a` fails every build; `host-b` manages. What a host was asked for, it does at once, and
answers when the play asks for the answer.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import functools
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nova_clone.clients.image_fake import FakeImages
from nova_clone.clients.network_fake import FakeNetworks
from nova_clone.conductor.environment import Environment
from nova_clone.conductor.settings import ConductorSettings
from nova_clone.conductor.store.migrations import Schema
from nova_clone.conductor.store.session import TableSet
from nova_clone.conductor.store.settings import StoreSettings
from nova_clone.conductor.store.unit_of_work import Store, UnitOfWork
from nova_clone.conductor.workflows.tickets import Answer
from nova_clone.contracts.compute import (
    BuildServer,
    ConsoleOutput,
    ConsoleOutputQuery,
    DestroyServer,
    HostContents,
    PowerAction,
    PowerServer,
)
from nova_clone.contracts.hosts import RegisterService
from nova_clone.contracts.placement_store import AllocationQuery, PutInventories, PutProvider
from nova_clone.contracts.scheduler import HostChoice, SelectHosts, Selection
from nova_clone.domain.action import Action
from nova_clone.domain.errors import NotFound, NoValidHost, TryElsewhere
from nova_clone.domain.hardware import Hardware
from nova_clone.domain.host import HostResources
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.placing import Placing, needs_of
from nova_clone.domain.port import NetworkMode, RequestedNetwork, RequestedNetworks
from nova_clone.domain.request_spec import GroupPlacement, RequestSpec
from nova_clone.domain.resources import Allocation, Inventory
from nova_clone.domain.server.server import Server
from nova_clone.domain.server.status import PowerState, TaskState, VmState
from nova_clone.domain.server_group import ServerGroup
from nova_clone.domain.topology.host import HostCell, HostTopology
from nova_clone.workflow.memory import MemoryJournal
from nova_clone.workflow.outcome import Outcome
from tests.cloud import a_context, a_flavor
from tests.laws import Clock, Pending

SERVER_ID = "11111111-2222-4333-8444-555555555555"
#: A server that was asked for together with the first one.
OTHER_ID = "22222222-2222-4333-8444-555555555555"
PROVIDERS = {
    "host-a": "aaaaaaaa-0000-4000-8000-000000000001",
    "host-b": "bbbbbbbb-0000-4000-8000-000000000002",
}
GROUP = GroupPlacement(id="77777777-2222-4333-8444-555555555555", policy="anti-affinity")
CLAIM = {"VCPU": 1, "MEMORY_MB": 128, "DISK_GB": 1}
#: Every host has one processor to give away, another one each, and every server wants one.
HARDWARE = {
    host: Hardware(topology=HostTopology(cells=(HostCell(id=0, dedicated=cpu, memory_mb=1024),)))
    for host, cpu in (("host-a", "1"), ("host-b", "2"))
}
FLAVOR = a_flavor(extra_specs={"hw:cpu_policy": "dedicated"})


def store_at(path: Path) -> Store:
    url = f"sqlite:///{path}"
    settings = StoreSettings(
        global_url=url,
        cell_url=url,
        placement_url=url,
        sqlite_synchronous=False,
        # Nobody's heart beats on a stage.
        service_down_time=10**6,
    )
    return Store(settings)


class Backdrop:
    """The one database of all stages of a process, which stand on it one after the other.

    Its store is kept: one that was just opened has to compile every statement anew, which
    takes longer than the play.
    """

    def __init__(self, path: Path) -> None:
        self._store = store_at(path)
        self._database = self._store.database(TableSet.CELL)
        self._first = sqlite3.connect(":memory:")
        self._stage = 0
        for table_set in TableSet:
            Schema(database=self._store.database(table_set), table_set=table_set).sync()
        with self._store.begin() as work:
            add_hosts(work)
        with self._connection() as connection:
            connection.backup(self._first)

    def put_up(self) -> int:
        """Make the database as it was at first, and return the number of the stage it is for."""
        with self._connection() as connection:
            self._first.backup(connection)
        self._stage += 1
        return self._stage

    def store(self, stage: int) -> Store:
        """Return the store, which must not be another stage's by now."""
        assert stage == self._stage, "another play has begun on this stage's database"
        return self._store

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(self._database.engine.raw_connection()) as connection:
            assert isinstance(connection.dbapi_connection, sqlite3.Connection)
            yield connection.dbapi_connection


@functools.cache
def backdrop() -> Backdrop:
    directory = tempfile.mkdtemp(prefix="nova-stage-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return Backdrop(Path(directory) / "nova.sqlite")


def add_hosts(work: UnitOfWork) -> None:
    """Add the two hosts, and the group that a server is built into."""
    for host, provider_id in PROVIDERS.items():
        work.hosts.register_service(
            RegisterService(binary="nova-compute", host=host, topic="compute")
        )
        resources = HostResources(
            hypervisor_hostname=host,
            uuid=provider_id,
            hypervisor_type="fake",
            hypervisor_version=1,
            hardware=HARDWARE[host],
        )
        work.hosts.save_compute_node(host, resources)
        work.placement.put_provider(PutProvider(id=provider_id, name=host))
        inventories = {name: Inventory(total=10 * amount) for name, amount in CLAIM.items()}
        work.placement.put_inventories(
            PutInventories(provider_id=provider_id, inventories=inventories)
        )
    work.server_groups.add(
        ServerGroup(
            id=GROUP.id,
            name="apart",
            project_id="project-1",
            user_id="user-1",
            policy=GROUP.policy,
        )
    )


class StoreJournal(MemoryJournal):
    """Journal rows in memory, on the play's clock; the state beside them in the store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        super().__init__(clock=clock.now)
        self._store = store

    @contextlib.contextmanager
    def begin(self) -> Iterator[Any]:
        with self._lock:
            if self._work is not None:
                yield self._work
                return
            before = (dict(self._rows), dict(self._marks))
            try:
                with self._store.begin() as work:
                    self._work = work  # type: ignore[assignment]
                    yield work
            except BaseException:
                self._rows, self._marks = before
                raise
            finally:
                self._work = None


@dataclasses.dataclass
class PretendedHost:
    """A compute host that does at once what it is asked for.

    ``places`` is where its guests were told to be when they were asked for last.
    """

    name: str
    networks: FakeNetworks
    guests: dict[str, PowerState] = dataclasses.field(default_factory=dict)
    places: dict[str, Placing] = dataclasses.field(default_factory=dict)

    def build_server(self, context: RequestContext, request: BuildServer) -> None:
        server = request.server
        self.networks.allocate(context, server, request.networks, host=self.name)
        if self.name == "host-b":
            self.guests[server.id] = PowerState.RUNNING
        self.places[server.id] = request.placing

    def destroy_server(self, context: RequestContext, request: DestroyServer) -> None:
        self.guests.pop(request.server.id, None)
        self.places.pop(request.server.id, None)
        if not request.keep_ports:
            self.networks.release(request.server.id)

    def power_server(self, context: RequestContext, request: PowerServer) -> None:
        stop = request.action is PowerAction.STOP
        self.places[request.server.id] = request.placing
        self.guests[request.server.id] = PowerState.SHUTDOWN if stop else PowerState.RUNNING

    def console_output(self, context: RequestContext, request: ConsoleOutputQuery) -> ConsoleOutput:
        raise NotFound("No guest here has a console.")

    def host_contents(self, context: RequestContext) -> HostContents:
        return HostContents(guests={server_id: server_id for server_id in self.guests})


class PretendedScheduler:
    """Offers host-a, then host-b, leaving out those to skip."""

    def select_hosts(self, context: RequestContext, request: SelectHosts) -> Selection:
        choices = tuple(
            HostChoice(
                host=host,
                node=host,
                provider_id=PROVIDERS[host],
                allocation={PROVIDERS[host]: CLAIM},
            )
            for host in PROVIDERS
            if host not in request.skip_hosts
        )
        if not choices:
            raise NoValidHost
        return Selection(choices=tuple(choices for _server in request.server_ids))


class Stage:
    """A cloud of two hosts with one server in the state that the play begins with."""

    flavor = FLAVOR

    def __init__(self, *, state: VmState, task: TaskState, host: str | None) -> None:
        self._number = backdrop().put_up()
        self.networks = FakeNetworks()
        self.network = self.networks.add_network("project-1")
        self.hosts = {name: PretendedHost(name, self.networks) for name in PROVIDERS}
        self.journal: StoreJournal | None = None
        self._add_server(state, task, host)

    @property
    def store(self) -> Store:
        """The database, as long as this is the newest stage."""
        return backdrop().store(self._number)

    def _add_server(
        self, state: VmState, task: TaskState, host: str | None, server_id: str = SERVER_ID
    ) -> None:
        context = a_context()
        with self.store.begin() as work:
            server = Server(
                id=server_id,
                name="first",
                project_id="project-1",
                user_id="user-1",
                flavor=self.flavor,
                vm_state=state,
                task_state=task,
                host=host,
                launched_at=work.now() if host else None,
            )
            work.servers.add(server)
            work.server_groups.join(GROUP.id, (server_id,), user_id="user-1")
            for action in ("create", "delete", "reboot"):
                work.actions.start(
                    Action(
                        server_id=server_id,
                        action=action,
                        request_id=CONTEXT.request_id,
                        start_time=work.now(),
                    )
                )
            if host:
                place = work.placings.take(
                    PROVIDERS[host], server_id, needs_of(FLAVOR, {}, {}), wait=True
                )
                assert isinstance(place, Placing)
                self.hosts[host].places[server_id] = place
                work.placement.claim(
                    Allocation(
                        consumer_id=server_id,
                        resources={PROVIDERS[host]: CLAIM},
                        project_id="project-1",
                        user_id="user-1",
                    )
                )
        if host:
            self.networks.allocate(context, server, self.requested, host=host)
            self.hosts[host].guests[server_id] = PowerState.RUNNING

    @property
    def requested(self) -> RequestedNetworks:
        item = RequestedNetwork(network_id=self.network.id)
        return RequestedNetworks(mode=NetworkMode.LISTED, items=(item,))

    def open(self, clock: Clock) -> StoreJournal:
        self.journal = StoreJournal(self.store, clock)
        return self.journal

    def environment(self) -> Environment:
        assert self.journal is not None
        return Environment(
            settings=ConductorSettings(host="conductor"),
            store=self.store,
            journal=self.journal,
            scheduler=PretendedScheduler(),
            compute=self.hosts.__getitem__,
            images=FakeImages(),
            networks=self.networks,
        )

    def answer(self, pending: Pending) -> Outcome | None:
        """Answer as the host would that the server is assigned to."""
        server = self.server(pending.subject)
        assert server is not None
        assert server.host is not None
        guests = self.hosts[server.host].guests
        if pending.step == "build" and server.id not in guests:
            return Outcome.failed(TryElsewhere("It is broken.", host=server.host))
        return Outcome(
            output=Answer(host=server.host, power_state=guests.get(server.id, PowerState.NOSTATE))
        )

    def server(self, server_id: str = SERVER_ID) -> Server | None:
        return self.store.read(lambda work: work.servers.find(server_id))

    def held(self, server_id: str = SERVER_ID) -> set[str]:
        """Return the providers that the server holds anything of."""
        query = AllocationQuery(consumers=(server_id,))
        found = self.store.read(lambda work: work.placement.allocations(query)).allocations
        return {provider_id for one in found for provider_id in one.resources}

    def used(self) -> int:
        """Return how many virtual CPUs all hosts together gave away."""
        return sum(
            self.store.read(lambda work, i=i: work.placement.provider(i)).inventories["VCPU"].used
            for i in PROVIDERS.values()
        )

    def placed(self) -> list[str]:
        """Return the hosts on which the server has a processor of its own."""
        hosts = self.store.read(lambda work: work.hosts.feed(0)).hosts
        return [each.host for each in hosts if each.numa_used]

    def told(self, host: str) -> bool:
        """Tell whether the host was told where the server goes, as it is kept."""
        kept = self.store.read(lambda work: work.placings.held(host, SERVER_ID))
        return self.hosts[host].places.get(SERVER_ID) == kept

    def counted(self) -> list[str]:
        """Return the hosts on which the server counts for its group."""
        return list(self.store.read(lambda work: work.placement.group_members(GROUP.id)))

    def membership(self) -> str | None:
        """Return the group that the server is a member of."""
        return self.store.read(lambda work: work.server_groups.group_of(SERVER_ID))

    def guests(self) -> dict[str, PowerState]:
        """Return the state of the server's guest by host."""
        return {
            name: host.guests[SERVER_ID]
            for name, host in self.hosts.items()
            if SERVER_ID in host.guests
        }

    def is_on(self, host: str) -> bool:
        """Tell whether the server is on this host, and nothing of it anywhere else."""
        return (
            set(self.guests()) == {host}
            and self.held() == {PROVIDERS[host]}
            and self.used() == 1
            and self.placed() == ([host] if self.flavor == FLAVOR else [])
            and self.told(host)
            and len(self.networks.ports) == 1
            and all(port.host == host for port in self.networks.ports.values())
        )

    def is_nowhere(self) -> bool:
        """Tell whether the server has no guest, no resources and no port."""
        held = self.held() or self.used() or self.counted() or self.placed()
        return not self.guests() and not held and not self.networks.ports

    def spec(self) -> RequestSpec:
        return RequestSpec(flavor=FLAVOR, project_id="project-1", networks=self.requested)


CONTEXT = a_context()
