"""Composition of nova-compute: the one module that names drivers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from nova_clone.compute import identity
from nova_clone.compute.daemon import ComputeDaemon, Surroundings
from nova_clone.compute.environment import Images, Networks
from nova_clone.compute.hypervisor.port import Hypervisor
from nova_clone.compute.settings import ComputeSettings
from nova_clone.contracts.conductor import ConductorContract
from nova_clone.domain.errors import Invalid
from nova_clone.rpc.contract import Endpoint, proxy
from nova_clone.rpc.echo import Echo
from nova_clone.rpc.server import RpcServer
from nova_clone.rpc.transport import Bus
from nova_clone.runtime import concurrency
from nova_clone.runtime.daemon import Process, Service
from nova_clone.runtime.health import Status
from nova_clone.runtime.logging import rpc_log_context

T = TypeVar("T")


def build(process: Process) -> Sequence[Service]:
    """Return the services of the process, in the order they start."""
    conf = process.conf
    settings = ComputeSettings.from_conf(conf)
    bus = Bus(conf, name="nova-compute", host=settings.host, around=rpc_log_context)
    servers: list[RpcServer] = []
    echoes: list[Echo] = []

    def serve(endpoint: Endpoint) -> RpcServer:
        server = bus.server("compute", settings.host, [endpoint], threads=settings.rpc_threads)
        servers.append(server)
        return server

    daemon = ComputeDaemon(
        settings,
        make_driver(settings, conf),
        Surroundings(
            conductor=proxy(ConductorContract, bus),
            networks=later(lambda: networks(conf)),
            images=later(lambda: images(conf)),
            serve=serve,
            reachable=lambda: echoes[0].reachable,
        ),
    )
    echo = Echo(bus, servers[0])
    echoes.append(echo)
    process.health.add(
        "rpc", lambda: Status(healthy=echo.reachable, details={"echo_age": round(echo.age, 1)})
    )
    return (daemon, echo)


def networks(conf: Any) -> Networks:
    """Return the network service that the configuration names."""
    from nova_clone.clients import network, session

    return network.Networks(session.Connection(_service_auth(conf, conf.neutron, "network")))


def images(conf: Any) -> Images:
    """Return the image service that the configuration names."""
    from nova_clone.clients.image import GlanceImages

    return GlanceImages(_service_auth(conf, conf.glance, "image"))


def _service_auth(conf: Any, section: Any, service_type: str) -> Any:
    from nova_clone.clients.session import ServiceAuth, own_credentials

    return ServiceAuth.from_section(
        section, service_type=service_type, credentials=own_credentials(conf)
    )


class _Later:
    """Stands for an object that is made when it is first used."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:
        made = self._make()
        self.__dict__.update(
            {each: getattr(made, each) for each in dir(made) if not each.startswith("_")}
        )
        return getattr(made, name)


def later(make: Callable[[], T]) -> T:
    """Return what `make` returns, made at its first use.

    Many fake hosts never need the clients, whose libraries are most of their memory.
    """
    return cast(T, _Later(make))


def make_driver(settings: ComputeSettings, conf: Any = None) -> Hypervisor:
    """Return the driver that ``compute_driver`` names; raises Invalid for an unknown one."""
    match settings.driver.rpartition(".")[2]:
        case "LibvirtDriver":
            return _libvirt(settings, conf)
        case "FakeDriver":
            return _fake(settings, (1000, 800_000, 600_000))
        case "SmallFakeDriver":
            return _fake(settings, (2, 8192, 1028))
        case "MediumFakeDriver":
            return _fake(settings, (10, 8192, 1028))
    raise Invalid(f"compute_driver {settings.driver!r} is not known.")


def _libvirt(settings: ComputeSettings, conf: Any) -> Hypervisor:
    from nova_clone.compute.hypervisor.libvirt.driver import build_driver
    from nova_clone.compute.hypervisor.libvirt.settings import LibvirtSettings

    node_uuid = identity.node_uuid(settings.state_path)
    found = LibvirtSettings.from_conf(conf, settings, node_uuid=node_uuid)
    return build_driver(found, native=concurrency.natively)


def _fake(settings: ComputeSettings, size: tuple[int, int, int]) -> Hypervisor:
    from nova_clone.compute.hypervisor.fake.driver import FakeHypervisor, FakeSettings
    from nova_clone.compute.hypervisor.fake.hardware import (
        read_encrypted_guests,
        read_hardware,
        read_mediated,
    )

    return FakeHypervisor(
        FakeSettings(
            hostname=settings.host,
            instances_path=settings.instances_path,
            node_uuid=identity.node_uuid(settings.state_path),
            guests_path=settings.state_path / "fake-guests",
            faults_path=settings.state_path / "fake-faults",
            vcpus=size[0],
            memory_mb=size[1],
            local_gb=size[2],
            hardware=read_hardware(settings.state_path / "fake-hardware"),
            mediated=read_mediated(settings.state_path / "fake-mediated"),
            encrypted_guests=read_encrypted_guests(settings.state_path / "fake-encrypted-guests"),
            cpu_times_path=settings.state_path / "fake-cpu-times",
            cell_providers=(settings.state_path / "fake-cell-providers").exists(),
        )
    )
