"""Guests are held to what the claim keeps for their servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from openstack.connection import Connection

from nova_clone.compute.hypervisor.fake.driver import FakeHypervisor
from nova_clone.domain.binding import Binding
from nova_clone.domain.errors import TryElsewhere
from nova_clone.domain.hardware import Hardware
from nova_clone.domain.placing import Placing
from nova_clone.domain.topology.host import HostCell, HostTopology
from tests.cloud import eventually
from tests.functional.rest import RestCloud, a_rest_cloud

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:openstack.*"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning:openstack.*"),
]


def hardware(first: int) -> Hardware:
    """Return a host of one cell with room for two servers."""
    cell = HostCell(
        id=first, shared="0", dedicated=f"{first}-{first + 3}", memory_mb=4096, pages=()
    )
    return Hardware(topology=HostTopology(cells=(cell,)))


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RestCloud]:
    for number, first in enumerate((4, 8)):
        state = tmp_path / f"host-{number}"
        state.mkdir()
        (state / "fake-hardware").write_bytes(msgspec.json.encode(hardware(first)))
    with a_rest_cloud(tmp_path) as cloud:
        admin = cloud.connect("admin")
        flavor = admin.compute.create_flavor(id="2", name="pinned", ram=128, vcpus=2, disk=1)
        admin.compute.create_flavor_extra_specs(flavor, {"hw:cpu_policy": "dedicated"})
        admin.close()
        yield cloud


@pytest.fixture
def red(running: RestCloud) -> Iterator[Connection]:
    connection = running.connect("red")
    yield connection
    connection.close()


def create(red: Connection, flavor: str = "2") -> Any:
    image = red.image.find_image("tiny")
    return red.compute.create_server(
        name="one", image_id=image.id, flavor_id=flavor, networks="none"
    )


def build(red: Connection, flavor: str = "2") -> Any:
    return red.compute.wait_for_server(create(red, flavor), wait=30, interval=0.1)


def driver_of(running: RestCloud, host: str) -> FakeHypervisor:
    driver = running.cloud.computes[host].driver
    assert isinstance(driver, FakeHypervisor)
    return driver


def seen(running: RestCloud, server_id: str) -> Binding:
    """Return what a server's guest is held to, after a look at what its host keeps for it."""
    server = running.cloud.server(server_id)
    assert server is not None
    assert server.host is not None
    found = driver_of(running, server.host).binding(server.id)
    placing = kept(running, server.host, server_id)
    pinning = placing.topology.cells[0].pinning if placing.topology else {}
    assert found.pins == {guest: str(own) for guest, own in pinning.items()}
    return found


def kept(running: RestCloud, host: str, server_id: str) -> Placing:
    store = running.cloud.store()
    try:
        return store.read(lambda work: work.placings.held(host, server_id))
    finally:
        store.close()


def test_servers_run_on_processors_of_their_own(running: RestCloud, red: Connection) -> None:
    servers = [build(red) for _each in range(4)]
    found = [seen(running, server.id) for server in servers]
    used = [int(cpu) for binding in found for cpu in binding.pins.values()]
    assert sorted(used) == list(range(4, 12))

    gone = servers.pop(0)
    red.compute.delete_server(gone)
    red.compute.wait_for_delete(gone, wait=30, interval=0.1)
    assert seen(running, build(red).id).pins == found[0].pins


def test_a_server_stays_where_it_is(running: RestCloud, red: Connection) -> None:
    server = build(red)
    before = seen(running, server.id)
    assert before.pins
    red.compute.reboot_server(server, "HARD")
    running.cloud.wait_for(server.id, "ACTIVE")
    assert seen(running, server.id) == before
    red.compute.stop_server(server)
    running.cloud.wait_for(server.id, "SHUTOFF")
    red.compute.start_server(server)
    running.cloud.wait_for(server.id, "ACTIVE")
    assert seen(running, server.id) == before


def test_another_host_holds_the_server_to_a_place_of_its_own(
    running: RestCloud, red: Connection
) -> None:
    drivers = {name: driver_of(running, name) for name in running.cloud.computes}
    gates = {name: driver.faults.block("launch") for name, driver in drivers.items()}
    server = create(red)
    eventually(lambda: any(gate.reached.is_set() for gate in gates.values()), what="a launch")
    (broken,) = (name for name, gate in gates.items() if gate.reached.is_set())
    drivers[broken].faults.fail("launch", TryElsewhere("no room in here"))
    for gate in gates.values():
        gate.open()
    red.compute.wait_for_server(server, wait=30, interval=0.1)
    assert seen(running, server.id).pins
    assert kept(running, broken, server.id) == Placing()
    assert drivers[broken].guests() == ()


def test_a_server_without_wishes_keeps_off_what_is_dedicated(
    running: RestCloud, red: Connection
) -> None:
    assert seen(running, build(red, flavor="1").id) == Binding(cpus="0")
