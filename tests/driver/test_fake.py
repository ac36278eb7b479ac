"""The fake driver keeps the laws of the port, and a little more."""

from __future__ import annotations

import itertools
import os
import threading
from pathlib import Path

import pytest

from nova_clone.compute.hypervisor.fake.driver import FakeHypervisor, FakeSettings
from nova_clone.domain.errors import Invalid, TryElsewhere
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.hardware import Hardware, MediatedParent
from nova_clone.domain.image import Image
from nova_clone.domain.port import Vif
from nova_clone.domain.resources import VCPU
from nova_clone.domain.server.server import Server
from nova_clone.domain.server.status import PowerState
from nova_clone.domain.topology.host import HostCell, HostTopology

from .conformance import Conformance, Lab, PowerEvents


def _driver(path: Path) -> FakeHypervisor:
    return FakeHypervisor(
        FakeSettings(
            hostname="node1",
            instances_path=path / "instances",
            guests_path=path / "guests",
            faults_path=path,
            fetch_images=True,
            hardware=Hardware(
                topology=HostTopology(cells=(HostCell(id=0, shared="0-999", memory_mb=800_000),))
            ),
            mediated=(
                MediatedParent(
                    name="pci_0000_06_00_0", address="0000:06:00.0", types={"nvidia-35": 4}
                ),
            ),
        )
    )


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    numbers = itertools.count(1)
    driver, events = _driver(tmp_path), PowerEvents()
    driver.start(events)

    def server() -> Server:
        number = next(numbers)
        return Server(
            id=f"00000000-0000-4000-8000-{number:012d}",
            name=f"server-{number}",
            instance_name=f"instance-{number:08x}",
            project_id="p1",
            user_id="u1",
            flavor=Flavor(id="1", name="m1.tiny", vcpus=1, ram=64, disk=1),
        )

    return Lab(
        driver=driver,
        events=events,
        server=server,
        vif=lambda: Vif(port_id=f"port-{next(numbers)}", network_id="net-1"),
        image=Image(id="image-1", disk_format="qcow2"),
        image_file=None,
        power_cut=lambda server: driver.guest_became(server.id, PowerState.SHUTDOWN),
    )


class TestFake(Conformance):
    """Every law."""


def _fake(lab: Lab) -> FakeHypervisor:
    assert isinstance(lab.driver, FakeHypervisor)
    return lab.driver


def test_guests_outlive_the_process(lab: Lab, tmp_path: Path) -> None:
    spec = lab.running(lab.vif())
    lab.driver.reboot_hard(lab.held(spec, [3]))
    after = _driver(tmp_path)
    assert after.binding(spec.server.id).pins == {0: "3"}
    assert [guest.server_id for guest in after.guests()] == [spec.server.id]
    assert after.power_state(spec.server) is PowerState.RUNNING
    after.destroy(spec.server)
    after.unplug_vifs(spec.server, spec.vifs)
    after.delete_disks(spec.server)
    assert _driver(tmp_path).left_behind() == ()


def test_shows_what_is_left_behind(lab: Lab) -> None:
    server, vif = lab.server(), lab.vif()
    lab.driver.plug_vifs(server, (vif,))
    assert lab.driver.guests() == ()
    [left] = _fake(lab).left_behind()
    assert left.vifs == (vif.port_id,)


def test_refuses_a_launch_without_disks(lab: Lab) -> None:
    with pytest.raises(TryElsewhere):
        lab.driver.launch(lab.spec(lab.server()))


def test_refuses_an_unknown_image_format(lab: Lab) -> None:
    lab.image = Image(id="image-2", disk_format="floppy")
    with pytest.raises(Invalid):
        lab.driver.prepare_disks(lab.spec(lab.server()), lab.fetch)


def test_a_deaf_guest_is_not_rebooted_softly(lab: Lab) -> None:
    spec = lab.running()
    _fake(lab).deaf.add(spec.server.id)
    assert lab.driver.reboot_soft(spec.server, 0) is False


def test_fails_on_demand(lab: Lab) -> None:
    _fake(lab).faults.fail("resources", TryElsewhere("no"), times=2)
    for _ in range(2):
        with pytest.raises(TryElsewhere):
            lab.driver.resources()
    assert lab.driver.resources().inventories[VCPU].total == 1000


def test_waits_on_demand(lab: Lab) -> None:
    gate = _fake(lab).faults.block("guests")
    thread = threading.Thread(target=lab.driver.guests)
    thread.start()
    assert gate.reached.wait(60)
    gate.open()
    thread.join(60)
    assert not thread.is_alive()


def test_fails_on_demand_of_another_process(lab: Lab, tmp_path: Path) -> None:
    order = tmp_path / "fail.resources"
    order.write_text("TryElsewhere: disk is full\n")
    with pytest.raises(TryElsewhere, match="disk is full"):
        lab.driver.resources()
    assert not order.exists()
    order.write_text("SomethingElse: odd")
    with pytest.raises(RuntimeError, match="odd"):
        lab.driver.resources()


def test_waits_on_demand_of_another_process(lab: Lab, tmp_path: Path) -> None:
    hold = tmp_path / "hold.guests"
    os.mkfifo(hold)
    thread = threading.Thread(target=lab.driver.guests)
    thread.start()
    with hold.open("wb"):
        assert thread.is_alive()
    thread.join(60)
    assert not thread.is_alive()


def test_reports_nothing_once_it_is_closed(lab: Lab) -> None:
    spec = lab.running()
    lab.driver.close()
    lab.power_cut(spec.server)
    assert (spec.server.id, PowerState.SHUTDOWN) not in lab.events.seen
    assert lab.state(spec) is PowerState.SHUTDOWN


def test_cells_may_be_providers(tmp_path: Path) -> None:
    cells = tuple(HostCell(id=n, shared=f"{n}", memory_mb=64) for n in range(2))
    driver = FakeHypervisor(
        FakeSettings(
            hostname="node1",
            instances_path=tmp_path,
            hardware=Hardware(topology=HostTopology(cells=cells)),
            cell_providers=True,
        )
    )
    found = driver.resources()
    assert set(found.inventories) == {"DISK_GB"}
    assert [each.name for each in found.components] == ["node1_NUMA0", "node1_NUMA1"]
    assert {name: item.total for name, item in found.components[0].inventories.items()} == {
        "VCPU": 1,
        "MEMORY_MB": 64,
    }
