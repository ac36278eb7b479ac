"""The libvirt driver on a real libvirtd with real QEMU guests.

``NOVA_CLONE_TEST_LIBVIRT_URI`` names the libvirtd, ``NOVA_CLONE_TEST_GUEST_IMAGE`` a bootable
image in qcow2, ``NOVA_CLONE_TEST_INSTANCES`` a directory that QEMU's user can enter.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from lxml import etree

from nova_clone.compute import config_drive
from nova_clone.compute.hypervisor.libvirt.driver import LibvirtHypervisor, build_driver
from nova_clone.compute.hypervisor.libvirt.settings import LibvirtSettings
from nova_clone.domain.binding import Binding
from nova_clone.domain.errors import Invalid, NotFound
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.image import Image
from nova_clone.domain.port import Vif
from nova_clone.domain.server.server import Server
from nova_clone.domain.server.status import PowerState
from nova_clone.domain.topology.cpuset import parse_cpuset
from nova_clone.domain.topology.division import Division
from nova_clone.runtime import concurrency

from .conformance import PATIENCE, Conformance, Lab, PowerEvents

pytestmark = pytest.mark.libvirt

URI = os.environ.get("NOVA_CLONE_TEST_LIBVIRT_URI", "")
GOLDEN = Path(__file__).parent / "xml"
SCHEMA = "/usr/share/libvirt/schemas/domain.rng"
GUEST_IMAGE = Path(os.environ.get("NOVA_CLONE_TEST_GUEST_IMAGE", ""))


@dataclasses.dataclass(kw_only=True)
class Hypervisor:
    """A driver of its own in a directory of its own."""

    settings: LibvirtSettings
    driver: LibvirtHypervisor
    events: PowerEvents
    bridge: str

    def clear(self) -> None:
        """Remove every guest and directory."""
        for guest in self.driver.guests():
            server = a_server(guest.server_id)
            self.driver.destroy(server)
            self.driver.delete_disks(server)
        self.events.seen.clear()


def a_server(server_id: str | None = None, *, ram: int = 16, disk: int = 1) -> Server:
    server_id = server_id or new_uuid()
    return Server(
        id=server_id,
        name="conformance",
        instance_name=f"instance-{server_id[:8]}",
        project_id="p1",
        user_id="u1",
        flavor=Flavor(id="1", name="m1.nano", vcpus=1, ram=ram, disk=disk),
    )


@pytest.fixture(scope="module")
def hypervisor() -> Iterator[Hypervisor]:
    assert URI, "NOVA_CLONE_TEST_LIBVIRT_URI does not name a libvirtd"
    where = Path(os.environ.get("NOVA_CLONE_TEST_INSTANCES") or "/var/lib/nova_clone-tests")
    path = where / f"test-{uuid.uuid4().hex[:8]}"
    settings = LibvirtSettings(
        host=path.name, node_uuid=new_uuid(), instances_path=path, uri=URI, virt_type="kvm"
    )
    driver, events = build_driver(settings, native=concurrency.natively), PowerEvents()
    driver.start(events)
    found = Hypervisor(
        settings=settings, driver=driver, events=events, bridge=f"brq{uuid.uuid4().hex[:8]}"
    )
    yield found
    found.clear()
    driver.close()
    shutil.rmtree(path)
    if Path("/sys/class/net", found.bridge).exists():
        subprocess.run(["ip", "link", "delete", found.bridge], check=True)


@pytest.fixture(scope="module")
def blank_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an image that boots nothing: enough for guests that only have to run."""
    path = tmp_path_factory.mktemp("image") / "blank.raw"
    path.write_bytes(bytes(1024 * 1024))
    return path


@pytest.fixture
def lab(hypervisor: Hypervisor, blank_image: Path) -> Iterator[Lab]:
    ports = itertools.count(1)

    def vif() -> Vif:
        port_id = new_uuid()
        return Vif(
            port_id=port_id,
            network_id=new_uuid(),
            mac_address=f"fa:16:3e:00:00:{next(ports):02x}",
            vif_type="bridge",
            vif_details={"bridge_name": hypervisor.bridge},
            device_name=f"tap{port_id[:11]}",
            mtu=1400,
        )

    yield Lab(
        driver=hypervisor.driver,
        events=hypervisor.events,
        server=a_server,
        vif=vif,
        image=Image(id=new_uuid(), disk_format="raw"),
        image_file=blank_image,
        power_cut=lambda server: virsh("destroy", server.id),
        patience=1,
    )
    hypervisor.clear()


def virsh(*arguments: str) -> str:
    done = subprocess.run(
        ["virsh", "-q", "-c", URI, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout


class TestLibvirt(Conformance):
    """Every law."""


Format = Literal["iso9660", "vfat"]


class Booted:
    """A guest that runs a whole system, with a config drive; nobody answers on its port."""

    def __init__(self, lab: Lab, *vifs: Vif, format: Format = "iso9660") -> None:  # noqa: A002
        self.driver = lab.driver
        self.server = a_server(ram=128)
        lab.image = Image(id=_GUEST_ID, disk_format="qcow2", properties=_GUEST_PROPERTIES)
        lab.image_file = GUEST_IMAGE
        self.drive = lab.driver.instance_dir(self.server) / "disk.config"
        document = f'{{"uuid": "{self.server.id}", "hostname": "conformance"}}'
        config_drive.write(
            self.drive, {"openstack/latest/meta_data.json": document.encode()}, format=format
        )
        self.spec = lab.held(lab.spec(self.server, *vifs, drive=self.drive), lab.cpus()[-2:])
        self.server = self.spec.server
        lab.driver.plug_vifs(self.server, vifs)
        lab.driver.prepare_disks(self.spec, lab.fetch)
        lab.driver.launch(self.spec)

    def wait_for(self, words: bytes) -> bytes:
        """Wait until these words stand on the console and return all that does."""
        pause = threading.Event()
        deadline = time.monotonic() + PATIENCE
        while words not in (text := self.driver.console_output(self.server, None)):
            assert time.monotonic() < deadline, text.decode(errors="replace")
            pause.wait(0.2)
        return text

    def reason(self) -> str:
        """Return why the guest is in its state, as libvirt has it."""
        return virsh("domstate", self.server.id, "--reason").strip()


_GUEST_ID = new_uuid()
_GUEST_PROPERTIES = {"hw_qemu_guest_agent": "yes", "hw_rng_model": "virtio"}


def test_a_guest_boots_restarts_itself_and_powers_itself_off(lab: Lab) -> None:
    booted = Booted(lab, lab.vif())
    text = booted.wait_for(b"cloud: finished")
    assert f"uuid={booted.server.id} hostname=conformance".encode() in text
    booted.wait_for(b"login:")
    assert len(lab.driver.console_output(booted.server, 2).splitlines()) == 2
    first = virsh("domid", booted.server.id)
    assert lab.driver.reboot_soft(booted.server, PATIENCE)
    assert virsh("domid", booted.server.id) != first
    booted.wait_for(b"cloud: finished")
    assert lab.events.seen == []
    virsh("shutdown", "--mode", "acpi", booted.server.id)
    assert lab.events.wait_for(booted.server.id, PowerState.SHUTDOWN)


def test_each_processor_of_a_guest_runs_where_it_belongs(lab: Lab) -> None:
    booted = Booted(lab)
    booted.wait_for(b"login:")
    cpus = lab.cpus()[-2:]
    pins = [line.split() for line in virsh("vcpupin", booted.server.id, "--live").splitlines()]
    assert pins == [[str(guest), str(host)] for guest, host in enumerate(cpus)]
    assert allowed(booted.server, "CPU ") == [{cpu} for cpu in cpus]
    assert allowed(booted.server, "qemu") == [set(cpus)] * len(allowed(booted.server, "qemu"))
    described = etree.fromstring(virsh("dumpxml", booted.server.id))
    assert described.find("numatune/memnode").get("nodeset") == str(lab.first_cell())
    assert lab.driver.binding(booted.server.id).pins == {
        guest: str(host) for guest, host in enumerate(cpus)
    }


def test_a_guest_without_a_place_runs_on_the_shared_processors(
    hypervisor: Hypervisor, lab: Lab
) -> None:
    shared = lab.cpus()[-1]
    division = Division(shared=frozenset({shared}))
    driver = build_driver(
        dataclasses.replace(hypervisor.settings, division=division), native=concurrency.natively
    )
    driver.start(lab.events)
    lab.driver = driver
    spec = lab.running()
    assert driver.binding(spec.server.id) == Binding(cpus=str(shared))
    assert allowed(spec.server, "CPU ") == [{shared}]
    driver.close()


def allowed(server: Server, name: str) -> list[frozenset[int]]:
    """Return where the kernel lets a guest's threads of these names run, in their order."""
    tasks = Path("/proc", qemu_pid(server), "task")
    names = {task: (task / "comm").read_text() for task in tasks.iterdir()}
    found = sorted((words, task) for task, words in names.items() if words.startswith(name))
    told = [
        re.search(r"Cpus_allowed_list:\s*(\S+)", (task / "status").read_text())
        for _words, task in found
    ]
    return [parse_cpuset(match[1]) for match in told if match]


def qemu_pid(server: Server) -> str:
    """Return the process of a guest that runs."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if b"qemu-system" in words and server.id.encode() in words:
            return process.name
    raise AssertionError(f"no process of {server.id}")


def test_a_guest_with_a_config_drive_that_is_a_disk_shuts_down_when_asked(
    hypervisor: Hypervisor, lab: Lab
) -> None:
    devices = dataclasses.replace(hypervisor.settings.devices, config_drive_format="vfat")
    settings = dataclasses.replace(hypervisor.settings, devices=devices)
    lab.driver = build_driver(settings, native=concurrency.natively)
    lab.driver.start(lab.events)
    booted = Booted(lab, format="vfat")
    assert b"hostname=conformance" in booted.wait_for(b"cloud: finished")
    lab.driver.power_off(booted.server, PATIENCE)
    assert booted.reason() == "shut off (shutdown)"
    lab.driver.close()


def test_disks_are_overlays_of_one_cached_image(hypervisor: Hypervisor, lab: Lab) -> None:
    specs = [lab.running(), lab.running()]
    name = hashlib.sha1(lab.image.id.encode()).hexdigest()
    cached = hypervisor.settings.instances_path / "_base" / name
    for spec in specs:
        disk = lab.driver.instance_dir(spec.server) / "disk"
        told = subprocess.run(
            ["qemu-img", "info", "-U", "--output=json", disk], check=True, capture_output=True
        )
        info = json.loads(told.stdout)
        assert info["format"] == "qcow2"
        assert info["virtual-size"] == 1024**3
        assert info["full-backing-filename"] == str(cached)
        assert info["backing-filename-format"] == "raw"


def test_ephemeral_and_swap_disks_are_formatted(lab: Lab) -> None:
    server = lab.server()
    flavor = dataclasses.replace(server.flavor, ephemeral=1, swap=16)
    spec = lab.spec(dataclasses.replace(server, flavor=flavor))
    lab.driver.prepare_disks(spec, lab.fetch)
    lab.driver.launch(spec)
    blocks = virsh("domblklist", server.id)
    assert [line.split()[0] for line in blocks.splitlines()] == ["vda", "vdb", "vdc"]


def test_guests_of_others_are_left_alone(hypervisor: Hypervisor, lab: Lab) -> None:
    settings = dataclasses.replace(hypervisor.settings, host="another")
    neighbour = build_driver(settings, native=concurrency.natively)
    neighbour.start(PowerEvents())
    spec = lab.running()
    assert neighbour.guests() == ()
    assert [each.server_id for each in lab.driver.guests()] == [spec.server.id]
    neighbour.close()


def test_a_guest_made_by_hand_is_not_ours(lab: Lab, tmp_path: Path) -> None:
    name = f"by-hand-{new_uuid()[:8]}"
    document = tmp_path / "domain.xml"
    document.write_text(
        f"<domain type='qemu'><name>{name}</name><memory unit='MiB'>8</memory><vcpu>1</vcpu>"
        "<os><type arch='x86_64' machine='pc'>hvm</type></os></domain>"
    )
    virsh("define", str(document))
    assert lab.ids() == set()
    virsh("undefine", name)


def test_a_screen_can_be_reached_while_the_guest_runs(lab: Lab) -> None:
    spec = lab.running()
    driver = lab.driver
    assert isinstance(driver, LibvirtHypervisor)
    address = driver.vnc_address(spec.server)
    with socket.create_connection((address.host, address.port), timeout=60) as screen:
        assert screen.recv(3) == b"RFB"
    driver.power_off(spec.server, 0)
    with pytest.raises(NotFound):
        driver.vnc_address(spec.server)


def test_an_unsafe_image_never_becomes_a_disk(lab: Lab, tmp_path: Path) -> None:
    secret = tmp_path / "secret.raw"
    secret.write_bytes(b"secret" * 1000)
    lab.image_file = tmp_path / "image.qcow2"
    backing = ["-b", str(secret), "-F", "raw"]
    command = ["qemu-img", "create", "-q", "-f", "qcow2", *backing, str(lab.image_file)]
    subprocess.run(command, check=True)
    lab.image = Image(id=new_uuid(), disk_format="qcow2")
    with pytest.raises(Invalid):
        lab.running()


def test_traits_tell_of_processor_and_devices(lab: Lab) -> None:
    found = lab.driver.resources()
    assert {"HW_CPU_X86_SSE2", "COMPUTE_STORAGE_BUS_VIRTIO", "COMPUTE_NET_VIF_MODEL_VIRTIO"} <= set(
        found.traits
    )
    assert found.cpu_info["topology"]["sockets"] >= 1
    assert ("x86_64", "qemu", "hvm") in found.supported


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.xml")), ids=lambda path: path.stem)
def test_libvirt_understands_every_description(path: Path) -> None:
    document = etree.parse(path)
    if document.find("launchSecurity") is not None:
        # libvirt takes no such guest where the processor encrypts nothing.
        etree.RelaxNG(file=SCHEMA).assertValid(document)
        return
    virsh("define", "--validate", str(path))
    virsh("undefine", "--nvram", path.stem)
