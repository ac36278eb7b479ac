"""The libvirt driver on a real libvirtd with real QEMU guests.

``NOVA_CLONE_TEST_LIBVIRT_URI`` names the libvirtd, ``NOVA_CLONE_TEST_GUEST_IMAGE`` a bootable
image in qcow2, ``NOVA_CLONE_TEST_INSTANCES`` a directory that QEMU's user can enter.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from nova_clone.compute.hypervisor.libvirt.driver import LibvirtHypervisor, build_driver
from nova_clone.compute.hypervisor.libvirt.settings import LibvirtSettings
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.image import Image
from nova_clone.domain.port import Vif
from nova_clone.domain.server.server import Server
from nova_clone.runtime import concurrency

from .conformance import Conformance, Lab, PowerEvents

pytestmark = pytest.mark.libvirt

URI = os.environ.get("NOVA_CLONE_TEST_LIBVIRT_URI", "")
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
