"""kill -9 of a compute whose guests are real QEMU processes: one guest each, none left over.

The image is empty, so the guests find nothing to boot from; to be started, kept and removed
they need no more.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import libvirt
import pytest

from nova_clone.contracts.flavors import CreateFlavor
from nova_clone.contracts.placement_store import AllocationQuery
from nova_clone.contracts.servers import CreateServers, OperateServer, ServerRef
from nova_clone.domain.errors import NotFound
from nova_clone.domain.port import NetworkMode, RequestedNetworks
from nova_clone.domain.server.server import Server
from tests.cloud import a_context, a_flavor, an_admin, eventually
from tests.processes import Layout, Processes, a_cloud_of_processes

pytestmark = [pytest.mark.chaos, pytest.mark.libvirt]

URI = os.environ.get("NOVA_CLONE_TEST_LIBVIRT_URI", "")
COMPUTE = "compute-1"
LOOK = 0.02
#: Seconds for a daemon to come back and end what it left, with QEMU on a busy machine.
PATIENCE = 120.0


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    assert URI, "NOVA_CLONE_TEST_LIBVIRT_URI does not name a libvirtd"
    where = Path(os.environ.get("NOVA_CLONE_TEST_INSTANCES") or "/var/lib/nova_clone-tests")
    instances = where / "chaos"
    instances.mkdir(parents=True, exist_ok=True)
    options = {
        "compute_driver": "libvirt.LibvirtDriver",
        "instances_path": str(instances),
        "instance_name_template": "chaos-%08x",
        "libvirt.connection_uri": URI,
        "libvirt.virt_type": "qemu",
        "vnc.enabled": "False",
    }
    layout = Layout(computes=1, options=options)
    with a_cloud_of_processes(tmp_path_factory.mktemp("qemu"), layout) as running:
        flavor = a_flavor(ram=16, extra_specs={})
        running.conductor.create_flavor(an_admin(), CreateFlavor(flavor=flavor))
        yield running
    shutil.rmtree(instances)


@pytest.fixture(scope="module")
def hypervisor() -> Iterator[libvirt.virConnect]:
    connection = libvirt.open(URI)
    yield connection
    connection.close()


def create(cloud: Processes, image: str) -> str:
    request = CreateServers(
        name="real",
        flavor_id="1",
        image_id=image,
        networks=RequestedNetworks(mode=NetworkMode.NONE),
    )
    (server,) = cloud.conductor.create_servers(a_context(), request).servers
    return server.id


@pytest.fixture(scope="module")
def image(cloud: Processes) -> str:
    return cloud.make_image()


def show(cloud: Processes, server_id: str) -> Server | None:
    try:
        return cloud.conductor.show_server(an_admin(), ServerRef(id=server_id))
    except NotFound:
        return None


def guests(hypervisor: libvirt.virConnect, server_id: str) -> list[libvirt.virDomain]:
    return [one for one in hypervisor.listAllDomains() if one.UUIDString() == server_id]


def until(check: Callable[[], object], what: str) -> None:
    eventually(check, what=what, patience=PATIENCE, look=LOOK)


def held(cloud: Processes, server_id: str) -> int:
    query = AllocationQuery(consumers=(server_id,))
    return len(cloud.conductor.allocations(an_admin(), query).allocations)


def is_active(cloud: Processes, server_id: str) -> bool:
    server = show(cloud, server_id)
    return server is not None and server.status == "ACTIVE" and server.task_state is None


def has_come_to_spawning(cloud: Processes, server_id: str) -> bool:
    """Tell whether a build is there; it may be past it before anybody looks again."""
    server = show(cloud, server_id)
    task = server.task_state if server is not None else None
    spawning = task is not None and task.value in ("block_device_mapping", "spawning")
    return spawning or is_active(cloud, server_id)


def assert_gone(cloud: Processes, hypervisor: libvirt.virConnect, server_id: str) -> None:
    until(lambda: show(cloud, server_id) is None, f"server {server_id} is deleted")
    assert guests(hypervisor, server_id) == []
    assert held(cloud, server_id) == 0
    instances = Path(os.environ.get("NOVA_CLONE_TEST_INSTANCES") or "/var/lib/nova_clone-tests")
    assert not (instances / "chaos" / server_id).exists()


@pytest.mark.parametrize("moment", ["asked", "spawning", "defined"])
def test_a_compute_dies_while_it_builds(
    cloud: Processes, hypervisor: libvirt.virConnect, image: str, moment: str
) -> None:
    compute = cloud[COMPUTE]
    if moment == "asked":
        compute.pause()
    server_id = create(cloud, image)
    moments: dict[str, Callable[[], object]] = {
        "asked": lambda: getattr(show(cloud, server_id), "host", None),
        "spawning": lambda: has_come_to_spawning(cloud, server_id),
        "defined": lambda: guests(hypervisor, server_id),
    }
    until(moments[moment], f"the build is {moment}")
    compute.kill9()
    compute.restart()
    until(lambda: is_active(cloud, server_id), f"server {server_id} is ACTIVE")
    (guest,) = guests(hypervisor, server_id)
    assert guest.isActive()
    assert held(cloud, server_id) == 1
    cloud.conductor.delete_server(a_context(), OperateServer(id=server_id))
    assert_gone(cloud, hypervisor, server_id)


@pytest.mark.parametrize("moment", ["asked", "destroyed"])
def test_a_compute_dies_while_it_deletes(
    cloud: Processes, hypervisor: libvirt.virConnect, image: str, moment: str
) -> None:
    compute = cloud[COMPUTE]
    server_id = create(cloud, image)
    until(lambda: is_active(cloud, server_id), f"server {server_id} is ACTIVE")
    if moment == "asked":
        compute.pause()
    cloud.conductor.delete_server(a_context(), OperateServer(id=server_id))
    if moment == "destroyed":
        until(lambda: not guests(hypervisor, server_id), "the guest is gone")
    compute.kill9()
    compute.restart()
    assert_gone(cloud, hypervisor, server_id)
