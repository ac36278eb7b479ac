"""A whole cloud in one process: real daemons' parts over ``fake://``, SQLite, fake hypervisors."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from oslo_config import cfg

from nova_clone.clients.image_fake import FakeImages
from nova_clone.clients.network_fake import FakeNetworks
from nova_clone.compute.app import ComputeDaemon, Surroundings, make_driver
from nova_clone.compute.settings import ComputeSettings
from nova_clone.conductor.app import Conductor
from nova_clone.conductor.settings import ConductorSettings
from nova_clone.conductor.store.migrations import Schema
from nova_clone.conductor.store.session import TableSet
from nova_clone.conductor.store.settings import StoreSettings
from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.contracts.conductor import ConductorContract
from nova_clone.contracts.placement import PlacementContract
from nova_clone.contracts.scheduler import SchedulerContract
from nova_clone.contracts.servers import ServerRef
from nova_clone.domain.errors import NotFound
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.identity import RequestContext, new_request_id, new_uuid
from nova_clone.domain.image import Image
from nova_clone.domain.server.server import Server
from nova_clone.placement.service import PlacementService
from nova_clone.placement.snapshot import Follower
from nova_clone.rpc.contract import endpoint, proxy
from nova_clone.rpc.transport import Bus
from nova_clone.scheduler.service import SchedulerService
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.similarity import Similarity
from nova_clone.scheduler.snapshot import Hosts

#: Seconds after which something that should have happened never will.
PATIENCE = 30.0
#: Seconds between two looks at a thing that only looking tells.
LOOK = 0.01


def eventually(
    check: Callable[[], Any], *, what: str = "", patience: float = PATIENCE, look: float = LOOK
) -> Any:
    """Return the first true result of `check`, made every ``look`` seconds, or fail."""
    pause = threading.Event()
    for _look in range(int(patience / look)):
        found = check()
        if found:
            return found
        pause.wait(look)
    raise AssertionError(f"it did not come to pass: {what or check}")


def a_context(**changes: Any) -> RequestContext:
    """Return an ordinary member of a project."""
    context = RequestContext(
        request_id=new_request_id(),
        user_id="user-1",
        project_id="project-1",
        roles=("member", "reader"),
    )
    return dataclasses.replace(context, **changes)


def an_admin(**changes: Any) -> RequestContext:
    """Return an admin."""
    return a_context(is_admin=True, roles=("admin", "manager", "member", "reader"), **changes)


def a_flavor(**changes: Any) -> Flavor:
    """Return a small flavor."""
    flavor = Flavor(id="1", name="m1.nano", vcpus=1, ram=128, disk=1)
    return dataclasses.replace(flavor, **changes)


class Cloud:
    """Daemons that can be started, stopped and looked at, one by one."""

    def __init__(self, directory: Path, *, database_url: str | None = None) -> None:
        self.directory = directory
        self.url = database_url or f"sqlite:///{directory}/nova.sqlite"
        self.images: Any = FakeImages()
        self.networks: Any = FakeNetworks()
        self.bus = a_bus()
        self.conductor: ConductorContract = proxy(ConductorContract, self.bus)
        self.conductors: list[Conductor] = []
        self.computes: dict[str, ComputeDaemon] = {}
        self._servers: list[Any] = []
        self.image: Image = self.images.add(
            Image(id=new_uuid(), name="tiny", visibility="public", disk_format="qcow2"),
            data=b"not really an image",
        )

    def store(self) -> Store:
        """Return a store of the cloud's database."""
        return Store(
            StoreSettings(
                global_url=self.url,
                cell_url=self.url,
                placement_url=self.url,
                sqlite_synchronous=False,
            )
        )

    def sync(self) -> None:
        """Make the tables."""
        with contextlib.closing(self.store()) as store:
            for table_set in TableSet:
                Schema(database=store.database(table_set), table_set=table_set).sync()

    def start_conductor(self, **settings: Any) -> Conductor:
        """Start one more conductor."""
        conductor = Conductor(
            ConductorSettings(host=f"conductor-{len(self.conductors)}", **settings),
            self.store(),
            a_bus(),
            images=self.images,
            networks=self.networks,
        )
        conductor.start()
        self.conductors.append(conductor)
        return conductor

    def start_scheduler(self, **settings: Any) -> None:
        """Start the scheduler, and placement, which it asks."""
        bus = a_bus()
        placement = bus.server(
            "placement",
            "placement",
            [endpoint(PlacementContract, PlacementService(Follower(self.conductor)))],
        )
        chosen = SchedulerSettings(**settings)
        service = SchedulerService(
            chosen,
            proxy(PlacementContract, bus),
            Hosts(self.conductor, default_zone=chosen.default_zone),
            similarity=Similarity(chosen, self.conductor, fresh=0.0),
        )
        scheduler = bus.server("scheduler", "scheduler", [endpoint(SchedulerContract, service)])
        for server in (placement, scheduler):
            server.start()
            self._servers.append(server)

    def start_compute(self, host: str, **settings: Any) -> ComputeDaemon:
        """Start a compute with a fake hypervisor that outlives it."""
        state = self.directory / host
        state.mkdir(exist_ok=True)
        chosen = ComputeSettings(
            host=host,
            state_path=state,
            instances_path=state / "instances",
            driver=settings.pop("driver", "fake.FakeDriver"),
            **settings,
        )
        bus = a_bus()
        daemon = ComputeDaemon(
            chosen,
            make_driver(chosen),
            Surroundings(
                conductor=proxy(ConductorContract, bus),
                networks=self.networks,
                images=self.images,
                serve=lambda served: bus.server("compute", host, [served]),
            ),
        )
        daemon.start()
        self.computes[host] = daemon
        return daemon

    def stop_compute(self, host: str) -> None:
        """Stop a compute in good order; its guests stay."""
        self.computes.pop(host).stop()

    def server(self, server_id: str) -> Server | None:
        """Return a server, ``None`` once it is deleted."""
        with contextlib.suppress(NotFound):
            return self.conductor.show_server(an_admin(), ServerRef(id=server_id))
        return None

    def wait_for(self, server_id: str, status: str) -> Server:
        """Return a server once it is idle in this status."""

        def look() -> Server | None:
            server = self.server(server_id)
            idle = server is not None and server.task_state is None
            return server if idle and server is not None and server.status == status else None

        found = eventually(look, what=f"server {server_id} {status}")
        assert isinstance(found, Server)
        return found

    def wait_until_gone(self, server_id: str) -> None:
        """Return once a server is deleted."""
        eventually(lambda: self.server(server_id) is None, what=f"server {server_id} gone")

    def stop(self) -> None:
        """Stop everything."""
        for host in list(self.computes):
            self.stop_compute(host)
        for server in self._servers:
            server.stop()
        for conductor in self.conductors:
            conductor.stop()


def a_bus() -> Bus:
    """Return a bus that stays in this process."""
    return Bus(cfg.CONF, url="fake://")


@contextlib.contextmanager
def a_cloud(directory: Path, *, hosts: int = 2, **options: Any) -> Iterator[Cloud]:
    """Run a cloud of one conductor, one scheduler and some compute hosts."""
    cloud = Cloud(directory, **options)
    cloud.sync()
    try:
        cloud.start_conductor()
        cloud.start_scheduler()
        for number in range(hosts):
            cloud.start_compute(f"host-{number}")
        yield cloud
    finally:
        cloud.stop()
