"""A cloud of processes to do harm to, and the oracle that tells whether anything was lost."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import threading
import uuid
from collections.abc import Collection, Iterator
from typing import Any

from nova_clone.contracts.hosts import HypervisorQuery
from nova_clone.contracts.placement_store import AllocationQuery
from nova_clone.contracts.servers import LimitsQuery, ServerRef
from nova_clone.domain.errors import NovaError
from nova_clone.domain.server.server import Server
from tests.cloud import an_admin, eventually
from tests.door import Door, Refused
from tests.processes import Processes

#: Seconds within which everything must have ended well or visibly: the lease of whoever was
#: killed, and 30 more.
LEASE = 15.0
PATIENCE = LEASE + 30.0
#: Seconds between two looks.
LOOK = 0.05

_UNFINISHED = (
    "SELECT id, kind, subject, state, waiting_for FROM workflows WHERE finished_at IS NULL"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Guest:
    """What a fake hypervisor has kept of one server."""

    host: str
    server_id: str
    defined: bool


class World:
    """A cloud, one flavor, one image, one network."""

    def __init__(self, cloud: Processes) -> None:
        self.cloud = cloud
        #: What only some tests have and may harm.
        self.mariadb: object = None
        self._token = cloud.token()
        self.image = cloud.make_image()
        self.network = self._make_network()
        with self.door("compute") as door:
            flavor = {"id": "tiny", "name": "tiny", "ram": 64, "vcpus": 1, "disk": 1}
            door.post("/v2.1/flavors", {"flavor": flavor})

    def _make_network(self) -> str:
        with self.door("network") as door:
            made = door.post("/v2.0/networks", {"network": {"name": "net"}}).json()["network"]
            subnet = {"network_id": made["id"], "cidr": "10.20.0.0/16", "ip_version": 4}
            door.post("/v2.0/subnets", {"subnet": subnet})
            return str(made["id"])

    @contextlib.contextmanager
    def door(self, service: str) -> Iterator[Door]:
        """Open a connection to an HTTP service for a few requests."""
        with contextlib.closing(self.cloud.door(service, self._token)) as door:
            yield door

    # What a tenant does

    def create(self, name: str, **more: Any) -> None:
        """Ask for a server, or for several alike."""
        body = {
            "name": name,
            "imageRef": self.image,
            "flavorRef": "tiny",
            "networks": [{"uuid": self.network}],
            **more,
        }
        with self.door("compute") as door:
            door.post("/v2.1/servers", {"server": body})

    def delete(self, server_id: str) -> None:
        """Ask for the deletion of a server; one that is gone is fine."""
        try:
            with self.door("compute") as door:
                door.delete(f"/v2.1/servers/{server_id}")
        except Refused as error:
            if error.status != 404:
                raise

    def active(self) -> str:
        """Return a server that is ACTIVE."""
        name = f"server-{uuid.uuid4().hex[:8]}"
        self.create(name)
        (server_id,) = self.find(name)
        self.settled()
        server = self.show(server_id)
        assert server.status == "ACTIVE", server.fault
        return server_id

    # What is there

    def find(self, name: str) -> list[str]:
        """Return the servers of this name, past the API; "name-1" is one of "name" too."""
        found = self.cloud.database.rows(
            "SELECT id FROM servers WHERE (name = :name OR name LIKE :many) AND deleted = :no",
            name=name,
            many=f"{name}-%",
            no=False,
        )
        return [row[0] for row in found]

    def show(self, server_id: str) -> Server:
        """Return everything that is known of a server."""
        return self.cloud.conductor.show_server(an_admin(), ServerRef(id=server_id))

    def show_host(self, server_id: str) -> str | None:
        """Return where a server is or is to be, past the API."""
        found = self.cloud.database.rows("SELECT host FROM servers WHERE id = :id", id=server_id)
        return found[0][0] if found else None

    def live(self) -> list[str]:
        """Return all servers that are not deleted."""
        no = self.cloud.database.rows(
            "SELECT id FROM servers WHERE deleted = :no ORDER BY number", no=False
        )
        return [row[0] for row in no]

    def workflow(self, server_id: str) -> Any:
        """Return the row of the work that goes on, or None."""
        found = self.cloud.database.rows(
            "SELECT id, leased_by, state, waiting_for, epoch FROM workflows"
            " WHERE live_subject = :subject",
            subject=server_id,
        )
        return found[0] if found else None

    def holder(self, server_id: str) -> str:
        """Return the conductor that works for a server, or the first one."""
        row = self.workflow(server_id)
        leased_by = row.leased_by if row is not None else None
        return str(leased_by).partition(":")[0] if leased_by else self.cloud.conductors[0]

    def guests(self) -> list[Guest]:
        """Return what the hypervisors have kept, whatever of it."""
        found = []
        for host in self.cloud.computes:
            for path in (self.cloud.state(host) / "fake-guests").glob("*.json"):
                with contextlib.suppress(FileNotFoundError):
                    kept = json.loads(path.read_text())
                    found.append(
                        Guest(host=host, server_id=kept["server_id"], defined=kept["defined"])
                    )
        return found

    def requests_in_hand(self) -> list[str]:
        """Return the requests that the computes keep until their ends are known."""
        return [
            path.name
            for host in self.cloud.computes
            for path in (self.cloud.state(host) / "operations").glob("*.json")
        ]

    def ports(self) -> list[str]:
        """Return the servers of all ports that servers have."""
        with self.door("network") as door:
            found = door.get("/v2.0/ports").json()["ports"]
        return [each["device_id"] for each in found if each["device_owner"] != "network:dhcp"]

    # The oracle

    def unfinished(self) -> list[tuple[Any, ...]]:
        """Return the work that is left, in the conductors and in the computes."""
        rows = [tuple(row) for row in self.cloud.database.rows(_UNFINISHED)]
        return rows or [(name,) for name in self.requests_in_hand()]

    def settled(self, patience: float = PATIENCE) -> None:
        """Return once no work is left anywhere."""

        try:
            eventually(lambda: not self.unfinished(), patience=patience, look=LOOK)
        except AssertionError:
            raise AssertionError(
                f"work is left: {self.unfinished()}; logs: {self.cloud.directory}/log"
            ) from None

    def check(self) -> list[Server]:
        """Compare servers, guests, allocations, ports and quota; return the servers."""
        servers = [self.show(server_id) for server_id in self.live()]
        active = {server.id: server for server in servers if server.status == "ACTIVE"}
        for server in servers:
            assert server.task_state is None, server
            assert server.id in active or server.status == "ERROR", server
            if server.id not in active:
                assert server.fault is not None
                assert server.fault.message
        wanted = sorted((server.host, server.id, True) for server in active.values())
        assert sorted((g.host, g.server_id, g.defined) for g in self.guests()) == wanted
        self.check_allocations(active.values())
        assert sorted(self.ports()) == sorted(active)
        for project_id in {server.project_id for server in servers}:
            self._check_quota(project_id, servers)
        return servers

    def check_allocations(self, servers: Collection[Server]) -> None:
        """Compare allocations with the hosts of these servers: they are all there is."""
        active = {server.id: server for server in servers}
        held = self.cloud.database.rows("SELECT DISTINCT consumer_id FROM allocations")
        assert sorted(row[0] for row in held) == sorted(active)
        over = self.cloud.database.rows("SELECT * FROM inventories WHERE used > capacity")
        assert not over
        if not active:
            return
        query = AllocationQuery(consumers=tuple(active))
        found = self.cloud.conductor.allocations(an_admin(), query).allocations
        listed = self.cloud.conductor.list_hypervisors(an_admin(), HypervisorQuery()).hypervisors
        hosts = {each.id: each.host for each in listed}
        where = {
            each.consumer_id: [hosts[provider] for provider in each.resources] for each in found
        }
        assert where == {server.id: [server.host] for server in active.values()}

    def _check_quota(self, project_id: str, servers: list[Server]) -> None:
        usage = self.cloud.conductor.limits(an_admin(), LimitsQuery(project_id=project_id)).usage
        assert usage.instances == sum(server.project_id == project_id for server in servers)

    def clear(self) -> None:
        """Delete every server; nothing must be left."""
        for server_id in self.live():
            self.delete(server_id)
        self.settled()
        assert self.live() == []
        assert self.check() == []

    def heal(self) -> None:
        """Bring back whatever was taken away."""
        for daemon in self.cloud.daemons.values():
            if daemon.running:
                daemon.resume()
            else:
                daemon.start()
        for daemon in self.cloud.daemons.values():
            daemon.wait_ready()


class Asked:
    """A request of a tenant that may never be answered."""

    def __init__(self, action: Any, *arguments: Any) -> None:
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(action, arguments), daemon=True)
        self._thread.start()

    def _run(self, action: Any, arguments: tuple[Any, ...]) -> None:
        try:
            action(*arguments)
        except (OSError, Refused, NovaError) as error:
            self.error = error

    def ended(self) -> None:
        """Wait for the answer, or for its failure; a call that was lost takes its whole time."""
        self._thread.join(4 * PATIENCE)
        assert not self._thread.is_alive(), "the request is never answered"
