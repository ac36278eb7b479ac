"""A compute host in memory: fake driver, fake services, a conductor that only listens."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path
from typing import Any

from nova_clone.compute.environment import Environment
from nova_clone.compute.hypervisor.fake.driver import FakeHypervisor, FakeSettings
from nova_clone.compute.settings import ComputeSettings
from nova_clone.compute.spool import Spool
from nova_clone.contracts.compute import BuildServer, DestroyServer, Ticket
from nova_clone.contracts.hosts import (
    Heartbeat,
    HostMetrics,
    HostRef,
    HostReport,
    HostServers,
    PowerObserved,
    RegisterService,
    StageReached,
    StepFinished,
)
from nova_clone.contracts.servers import ListServers, ServerPage
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.host import Service
from nova_clone.domain.identity import RequestContext, service_context
from nova_clone.domain.image import Image
from nova_clone.domain.pci.fit import PciGrant
from nova_clone.domain.placing import Placing
from nova_clone.domain.port import FixedAddress, RequestedNetworks, Subnet, Vif
from nova_clone.domain.server.server import Server

CONTEXT = service_context()


#: What of the host is kept for a server that has a device of its own.
A_PLACE = Placing(pci=(PciGrant(alias="gpu", address="0000:81:00.0"),))


def a_server(number: int = 1, **fields: Any) -> Server:
    values: dict[str, Any] = {
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "number": number,
        "name": f"server-{number}",
        "hostname": f"server-{number}",
        "instance_name": f"instance-{number:08x}",
        "project_id": "p1",
        "user_id": "u1",
        "flavor": Flavor(id="1", name="m1.tiny", vcpus=1, ram=512, disk=1),
        "host": "host1",
        "image_id": "image-1",
    }
    return Server(**(values | fields))


def a_vif(number: int = 1, **fields: Any) -> Vif:
    values: dict[str, Any] = {
        "port_id": f"port-{number}",
        "network_id": "net-1",
        "mac_address": f"fa:16:3e:00:00:{number:02x}",
        "device_name": f"tapport-{number}",
        "vif_type": "bridge",
        "mtu": 1450,
        "addresses": (FixedAddress(address=f"10.0.0.{number}", subnet_id="sub-1"),),
        "subnets": (
            Subnet(id="sub-1", cidr="10.0.0.0/24", gateway="10.0.0.254", dns=("10.0.0.2",)),
        ),
    }
    return Vif(**(values | fields))


def a_ticket(epoch: int = 1, step: str = "build", workflow: str = "w1") -> Ticket:
    return Ticket(workflow_id=workflow, step=step, epoch=epoch)


def a_build(server: Server | None = None, **fields: Any) -> BuildServer:
    values: dict[str, Any] = {
        "ticket": a_ticket(),
        "server": server or a_server(),
        "image": Image(id="image-1", disk_format="qcow2"),
        "networks": RequestedNetworks(),
    }
    return BuildServer(**(values | fields))


def a_destroy(server: Server | None = None, **fields: Any) -> DestroyServer:
    values: dict[str, Any] = {
        "ticket": a_ticket(step="destroy", workflow="w2"),
        "server": server or a_server(),
    }
    return DestroyServer(**(values | fields))


class FakeNetworks:
    """A network service with one port for each server that asks."""

    def __init__(self) -> None:
        self.ports: dict[str, tuple[Vif, ...]] = {}
        self.errors: list[Exception] = []

    def allocate(
        self, context: RequestContext, server: Server, requested: RequestedNetworks, *, host: str
    ) -> tuple[Vif, ...]:
        if self.errors:
            raise self.errors.pop(0)
        return self.ports.setdefault(server.id, (a_vif(server.number),))

    def release(self, server_id: str) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.ports.pop(server_id, None)

    def vifs(self, server_id: str) -> tuple[Vif, ...]:
        return self.ports.get(server_id, ())


class FakeImages:
    """An image service that has what it is told to have."""

    def __init__(self) -> None:
        self.data = {"image-1": b"bits"}

    def download(self, image_id: str, path: Path) -> None:
        from nova_clone.domain.errors import NotFound

        if image_id not in self.data:
            raise NotFound(f"No image {image_id}.")
        path.write_bytes(self.data[image_id])


class FakeConductor:
    """Listens; ``errors`` are raised first, by verb."""

    def __init__(self) -> None:
        self.results: list[StepFinished] = []
        self.stages: list[StageReached] = []
        self.observed: list[PowerObserved] = []
        self.reports: list[HostReport] = []
        self.registered: list[RegisterService] = []
        self.measured: list[HostMetrics] = []
        self.beats = 0
        self.heard: list[Heartbeat] = []
        self.errors: dict[str, list[Exception]] = {}
        self.host = HostServers()
        self.servers: tuple[Server, ...] = ()
        self._changed = threading.Condition()

    def _meet(self, verb: str) -> None:
        if self.errors.get(verb):
            raise self.errors[verb].pop(0)

    def step_finished(self, context: RequestContext, request: StepFinished, /) -> None:
        self._meet("step_finished")
        with self._changed:
            self.results.append(request)
            self._changed.notify_all()

    def wait_results(self, count: int = 1) -> list[StepFinished]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.results) >= count, timeout=60)
            return list(self.results)

    def stage_reached(self, context: RequestContext, request: StageReached, /) -> None:
        self._meet("stage_reached")
        self.stages.append(request)

    def power_observed(self, context: RequestContext, request: PowerObserved, /) -> None:
        self._meet("power_observed")
        with self._changed:
            self.observed.append(request)
            self._changed.notify_all()

    def wait_observed(self, count: int = 1) -> list[PowerObserved]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.observed) >= count, timeout=60)
            return list(self.observed)

    def host_servers(self, context: RequestContext, request: HostRef, /) -> HostServers:
        self._meet("host_servers")
        return self.host

    def list_servers(self, context: RequestContext, request: ListServers, /) -> ServerPage:
        wanted = set(request.filters.ids)
        return ServerPage(servers=tuple(s for s in self.servers if s.id in wanted))

    def register_service(self, context: RequestContext, request: RegisterService, /) -> Service:
        self._meet("register_service")
        self.registered.append(request)
        return Service(id=f"service-{len(self.registered)}", binary=request.binary, host="host1")

    def report_host(self, context: RequestContext, request: HostReport, /) -> None:
        self._meet("report_host")
        self.reports.append(request)

    def metrics_measured(self, context: RequestContext, request: HostMetrics, /) -> None:
        self._meet("metrics_measured")
        with self._changed:
            self.measured.append(request)
            self._changed.notify_all()

    def wait_measured(self, count: int = 1) -> list[HostMetrics]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.measured) >= count, timeout=60)
            return list(self.measured)

    def heartbeat(self, context: RequestContext, request: Heartbeat, /) -> None:
        self._meet("heartbeat")
        self.heard.append(request)
        self.beats += 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scene:
    """One host and everything around it."""

    env: Environment
    driver: FakeHypervisor
    networks: FakeNetworks
    images: FakeImages
    conductor: FakeConductor


def a_scene(path: Path, **settings: Any) -> Scene:
    """Return a host whose files are under `path`; called again it is the host restarted."""
    compute = ComputeSettings(
        **({"host": "host1", "state_path": path, "instances_path": path / "instances"} | settings)
    )
    driver = FakeHypervisor(
        FakeSettings(
            hostname="host1",
            instances_path=compute.instances_path,
            node_uuid="11111111-1111-4111-8111-111111111111",
            guests_path=path / "guests",
        )
    )
    networks, images, conductor = FakeNetworks(), FakeImages(), FakeConductor()
    env = Environment(
        settings=compute,
        driver=driver,
        networks=networks,
        images=images,
        conductor=conductor,  # type: ignore[arg-type]
        spool=Spool(path / "operations"),
    )
    return Scene(env=env, driver=driver, networks=networks, images=images, conductor=conductor)
