"""Guests to describe, by the name of the file that holds their description."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

from nova_clone.compute.hypervisor.libvirt.encryption import Encryption
from nova_clone.compute.hypervisor.libvirt.settings import (
    CpuSettings,
    DeviceSettings,
    LibvirtSettings,
    StorageSettings,
    VncSettings,
)
from nova_clone.compute.hypervisor.libvirt.storage.record import Disk
from nova_clone.compute.hypervisor.libvirt.xml.request import DomainRequest, HostFacts
from nova_clone.compute.hypervisor.port import GuestSpec
from nova_clone.domain.block_device import BlockDevice
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.image import Image
from nova_clone.domain.memory_encryption import EncryptionModel
from nova_clone.domain.pci.device import PciPool
from nova_clone.domain.pci.request import parse_aliases
from nova_clone.domain.placing import Placing, Space, needs_of, place
from nova_clone.domain.port import FixedAddress, Vif
from nova_clone.domain.server.server import Server
from nova_clone.domain.topology.division import Division
from nova_clone.domain.topology.host import HostCell, HostTopology, PagePool

INSTANCES = Path("/var/lib/nova/instances")
GIB = 1024**3

SETTINGS = LibvirtSettings(
    host="host1",
    node_uuid="00000000-0000-4000-8000-00000000000a",
    instances_path=INSTANCES,
)
FLAVOR = Flavor(id="1", name="m1.small", vcpus=2, ram=512, disk=10)
ROOT = Disk(file="disk", format="qcow2", size=10 * GIB, base="0123")
KVM = HostFacts(virt_type="kvm")
ENCRYPTING = HostFacts(
    virt_type="kvm",
    efi=True,
    encryption=Encryption(
        cbitpos=47,
        reduced_phys_bits=1,
        guests={EncryptionModel.AMD_SEV: 495, EncryptionModel.AMD_SEV_ES: 15},
    ),
)


def a_server(**fields: Any) -> Server:
    values: dict[str, Any] = {
        "id": "00000000-0000-4000-8000-000000000001",
        "name": "first",
        "instance_name": "golden",
        "project_id": "p1",
        "user_id": "u1",
        "flavor": FLAVOR,
        "created_at": dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
    }
    return Server(**(values | fields))


def a_vif(**fields: Any) -> Vif:
    values: dict[str, Any] = {
        "port_id": "5e000000-0000-4000-8000-000000000001",
        "network_id": "6e000000-0000-4000-8000-000000000001",
        "mac_address": "fa:16:3e:00:00:01",
        "device_name": "tap5e000000-00",
        "vif_type": "bridge",
        "vif_details": {"bridge_name": "brq5e000000-00"},
        "mtu": 1450,
        "addresses": (FixedAddress(address="10.0.0.5", subnet_id="sub-1"),),
    }
    return Vif(**(values | fields))


def an_image(**properties: str) -> Image:
    return Image(id="img-1", disk_format="qcow2", properties=properties)


def a_request(**fields: Any) -> DomainRequest:
    """Return a request; a ``server``, ``image``, ``vifs`` or ``config_drive`` may be given."""
    spec = GuestSpec(
        server=fields.pop("server", None) or a_server(),
        image=fields.pop("image", None),
        vifs=fields.pop("vifs", ()),
        config_drive=fields.pop("config_drive", None),
        placing=fields.pop("placing", Placing()),
    )
    values: dict[str, Any] = {
        "spec": spec,
        "disks": (),
        "directory": INSTANCES / spec.server.id,
        "host": HostFacts(),
        "settings": SETTINGS,
    }
    return DomainRequest(**(values | fields))


def with_flavor(**fields: Any) -> Server:
    return a_server(flavor=dataclasses.replace(FLAVOR, **fields))


def _settings(**fields: Any) -> LibvirtSettings:
    return dataclasses.replace(SETTINGS, **fields)


#: A host of two cells, each with two shared and six dedicated processors in cores of two.
CELLS = HostTopology(
    cells=tuple(
        HostCell(
            id=number,
            socket=number,
            shared=f"{first}-{first + 1}",
            dedicated=f"{first + 2}-{first + 7}",
            cores=" ".join(f"{core},{core + 1}" for core in range(first, first + 8, 2)),
            memory_mb=8192,
            pages=(
                PagePool(size_kb=4, total=1024 * 1024),
                PagePool(size_kb=2048, total=2048),
            ),
        )
        for number, first in ((0, 0), (1, 8))
    )
)
CARDS = (
    PciPool(
        vendor_id="10de",
        product_id="20b0",
        numa_node=1,
        addresses=("0000:81:00.0", "0001:82:1f.7"),
    ),
)
ALIASES = parse_aliases(('{"name": "gpu", "vendor_id": "10de"}',))
DIVIDED = _settings(division=Division(shared=frozenset({0, 1, 8, 9})))


def placed(specs: dict[str, str], *, vcpus: int = 4, **fields: Any) -> DomainRequest:
    """Return a request for a guest that was given its place on `CELLS`."""
    server = with_flavor(vcpus=vcpus, ram=2048, extra_specs=specs)
    found = place(Space(topology=CELLS, pci=CARDS), needs_of(server.flavor, {}, ALIASES))
    assert isinstance(found, Placing)
    values: dict[str, Any] = {
        "server": server,
        "placing": found,
        "host": HostFacts(topology=CELLS),
        "settings": DIVIDED,
    }
    return a_request(**(values | fields))


_DEDICATED = {"hw:cpu_policy": "dedicated"}
_DRIVE = INSTANCES / "00000000-0000-4000-8000-000000000001" / "disk.config"

CASES: dict[str, DomainRequest] = {
    "bare": a_request(),
    "usual": a_request(
        image=an_image(),
        disks=(ROOT,),
        vifs=(a_vif(),),
        config_drive=_DRIVE,
    ),
    "kvm-many-wishes": a_request(
        server=a_server(
            name='a <name> & "more"\x00',
            flavor=dataclasses.replace(
                FLAVOR,
                vcpus=4,
                ephemeral=1,
                swap=64,
                extra_specs={
                    "hw:cpu_sockets": "2",
                    "hw:watchdog_action": "reset",
                    "hw_rng:rate_bytes": "1024",
                    "hw_rng:rate_period": "1000",
                    "quota:cpu_shares": "2048",
                    "quota:vif_outbound_average": "1000",
                },
            ),
        ),
        image=an_image(
            hw_disk_bus="scsi",
            hw_machine_type="q35",
            hw_qemu_guest_agent="yes",
            hw_rng_model="virtio",
            hw_vif_model="virtio",
            hw_vif_multiqueue_enabled="true",
            hw_video_model="virtio",
        ),
        disks=(
            ROOT,
            Disk(file="disk.eph0", format="qcow2", size=GIB, role="ephemeral"),
            Disk(file="disk.swap", format="qcow2", size=64 * 1024**2, role="swap"),
        ),
        vifs=(a_vif(),),
        config_drive=_DRIVE,
        host=dataclasses.replace(KVM, machines=frozenset({"pc", "q35"})),
        settings=_settings(
            storage=StorageSettings(cache_modes={"file": "writeback"}, discard="unmap"),
            cpu=CpuSettings(mode="custom", models=("Nehalem",), flags=("+pcid", "-vmx")),
            devices=DeviceSettings(rx_queue_size=512, pcie_ports=2, stats_period=0),
        ),
    ),
    "windows": a_request(
        image=an_image(os_type="windows", hw_vif_model="e1000"),
        disks=(ROOT,),
        vifs=(a_vif(mtu=None),),
        host=KVM,
    ),
    "no-console": a_request(
        image=an_image(img_hide_hypervisor_id="true"),
        disks=(dataclasses.replace(ROOT, format="raw"),),
        host=HostFacts(direct_io=False),
        settings=_settings(
            vnc=VncSettings(enabled=False), cpu=CpuSettings(mode="none"), serial_source="none"
        ),
    ),
    "own-kernel": a_request(
        server=a_server(kernel_id="k1", ramdisk_id="r1"),
        image=an_image(os_command_line="root=LABEL=root console=ttyS0"),
        disks=(ROOT,),
    ),
    "disc": a_request(
        image=dataclasses.replace(an_image(), disk_format="iso"),
        disks=(dataclasses.replace(ROOT, device="cdrom"),),
    ),
    "drive-as-disk": a_request(
        image=an_image(),
        disks=(ROOT,),
        config_drive=_DRIVE,
        settings=_settings(devices=DeviceSettings(config_drive_format="vfat")),
    ),
    "encrypted": a_request(
        server=a_server(
            flavor=dataclasses.replace(FLAVOR, extra_specs={"hw:mem_encryption": "true"})
        ),
        image=an_image(
            hw_firmware_type="uefi",
            hw_machine_type="q35",
            hw_qemu_guest_agent="yes",
            hw_rng_model="virtio",
        ),
        disks=(ROOT,),
        vifs=(a_vif(), a_vif(device_name="tap5e000000-01", mac_address="fa:16:3e:00:00:02")),
        config_drive=_DRIVE,
        host=ENCRYPTING,
    ),
    "encrypted-registers": a_request(
        image=an_image(
            hw_disk_bus="scsi",
            hw_firmware_type="uefi",
            hw_input_bus="virtio",
            hw_mem_encryption="true",
            hw_mem_encryption_model="amd-sev-es",
            hw_video_model="virtio",
            hw_vif_multiqueue_enabled="true",
        ),
        disks=(ROOT,),
        vifs=(a_vif(),),
        host=ENCRYPTING,
        settings=_settings(machine_types={"x86_64": "q35"}),
    ),
    "other-ports": a_request(
        image=an_image(),
        disks=(ROOT,),
        vifs=(
            a_vif(vif_type="ovs", vif_details={"bridge_name": "br-int"}),
            a_vif(
                vif_type="tap",
                vif_details={},
                device_name="tap5e000000-01",
                mac_address="fa:16:3e:00:00:02",
            ),
        ),
    ),
    "floating": a_request(settings=DIVIDED),
    "own-processors": placed(
        {
            **_DEDICATED,
            "hw:cpu_thread_policy": "prefer",
            "hw:emulator_threads_policy": "isolate",
            "quota:cpu_shares": "2048",
        }
    ),
    "two-cells": placed({"hw:numa_nodes": "2"}, settings=SETTINGS),
    "some-own-processors": placed(
        {
            "hw:cpu_policy": "mixed",
            "hw:cpu_dedicated_mask": "2-3",
            "hw:emulator_threads_policy": "share",
        }
    ),
    "huge-pages": placed({"hw:numa_nodes": "2", "hw:mem_page_size": "large"}),
    "small-pages": placed({"hw:mem_page_size": "small", "hw:locked_memory": "true"}, vcpus=2),
    "real-time": placed(
        {**_DEDICATED, "hw:cpu_realtime": "yes", "hw:cpu_realtime_mask": "^0"},
        host=dataclasses.replace(KVM, topology=CELLS),
    ),
    "own-devices": placed({"pci_passthrough:alias": "gpu:2"}, host=HostFacts()),
    "unmanaged-device": placed(
        {**_DEDICATED, "pci_passthrough:alias": "gpu:1"},
        unmanaged=frozenset({"0000:81:00.0"}),
    ),
}

VOLUME = BlockDevice(id="b1", source="volume", destination="volume", volume_id="v1")
