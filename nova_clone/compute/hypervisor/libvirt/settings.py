"""What the libvirt driver was told by its configuration."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from nova_clone.compute.settings import ComputeSettings
from nova_clone.domain.errors import Invalid
from nova_clone.domain.pci.device import DeviceSpec, parse_device_specs
from nova_clone.domain.topology.division import Division, parse_division

ImagesType = Literal["qcow2", "raw"]

_USUAL_URI = "qemu:///system"
_IMAGES_TYPES: Mapping[str, ImagesType] = {"qcow2": "qcow2", "raw": "raw", "flat": "raw"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class VncSettings:
    """Where guests offer their screens; ``proxy_address`` is how the proxy reaches them."""

    enabled: bool = True
    listen: str = "127.0.0.1"
    proxy_address: str = "127.0.0.1"


@dataclasses.dataclass(frozen=True, kw_only=True)
class StorageSettings:
    """How disks are made. ``images_type`` is the format of servers' disks.

    ``cache_modes`` maps the kind of a disk's source (``file``) to a cache mode.
    """

    images_type: ImagesType = "qcow2"
    force_raw_images: bool = True
    preallocate: bool = False
    cache_directory: str = "_base"
    ephemeral_format: str | None = None
    cache_modes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    discard: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class CpuSettings:
    """Which processor guests see. ``mode`` ``None`` leaves it to the kind of host.

    ``realtime_priority`` is the priority of processors that work in real time.
    """

    mode: str | None = None
    models: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    realtime_priority: int = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceSettings:
    """Devices of guests and their measures.

    Queue sizes are of virtio network devices; ``stats_period`` is in seconds, 0 for none.
    """

    pointer: str = "usbtablet"
    rx_queue_size: int | None = None
    tx_queue_size: int | None = None
    max_queues: int | None = None
    pcie_ports: int = 0
    stats_period: int = 10
    config_drive_format: Literal["iso9660", "vfat"] = "iso9660"


@dataclasses.dataclass(frozen=True, kw_only=True)
class LibvirtSettings:
    """Settings of the libvirt driver of one host.

    ``machine_types`` maps architectures to machine types. ``call_timeout`` bounds short
    calls of libvirt and ``long_timeout`` those that start and end guests, in seconds.
    ``division`` and ``device_specs`` say what of the host servers may have for their own,
    ``splits_devices`` that mediated devices are among it. ``encrypted_guests`` limits the guests
    with SEV.
    """

    host: str
    node_uuid: str
    instances_path: Path
    my_ip: str = "127.0.0.1"
    uri: str = _USUAL_URI
    virt_type: Literal["kvm", "qemu"] = "kvm"
    machine_types: Mapping[str, str] = dataclasses.field(default_factory=dict)
    serial_source: str = "unique"
    storage: StorageSettings = dataclasses.field(default_factory=StorageSettings)
    cpu: CpuSettings = dataclasses.field(default_factory=CpuSettings)
    devices: DeviceSettings = dataclasses.field(default_factory=DeviceSettings)
    vnc: VncSettings = dataclasses.field(default_factory=VncSettings)
    division: Division = dataclasses.field(default_factory=Division)
    device_specs: tuple[DeviceSpec, ...] = ()
    splits_devices: bool = False
    encrypted_guests: int | None = None
    call_timeout: float = 60.0
    long_timeout: float = 300.0

    @classmethod
    def from_conf(cls, conf: Any, settings: ComputeSettings, *, node_uuid: str) -> LibvirtSettings:
        """Take them from ``libvirt``, ``vnc``, ``image_cache``, ``compute``, ``pci``, ``DEFAULT``.

        Raises Invalid for what this driver cannot do.
        """
        group = conf.libvirt
        if group.virt_type not in ("kvm", "qemu"):
            raise Invalid(f"[libvirt] virt_type = {group.virt_type} is not supported.")
        return cls(
            host=settings.host,
            node_uuid=node_uuid,
            instances_path=settings.instances_path,
            my_ip=settings.my_ip,
            uri=group.connection_uri or _USUAL_URI,
            virt_type=group.virt_type,
            machine_types=_pairs(group.hw_machine_type or (), "hw_machine_type"),
            serial_source=group.sysinfo_serial,
            storage=_storage(conf),
            cpu=CpuSettings(
                mode=group.cpu_mode,
                models=tuple(group.cpu_models),
                flags=tuple(group.cpu_model_extra_flags),
                realtime_priority=group.realtime_scheduler_priority,
            ),
            devices=_devices(conf),
            vnc=VncSettings(
                enabled=conf.vnc.enabled,
                listen=conf.vnc.server_listen,
                proxy_address=conf.vnc.server_proxyclient_address,
            ),
            division=_division(conf),
            device_specs=parse_device_specs(conf.pci.device_spec),
            splits_devices=bool(settings.inventory.mediated),
            encrypted_guests=group.num_memory_encrypted_guests,
        )


def _storage(conf: Any) -> StorageSettings:
    wanted = conf.libvirt.images_type
    if wanted == "default":
        wanted = "qcow2" if conf.use_cow_images else "raw"
    if wanted not in _IMAGES_TYPES:
        raise Invalid(f"[libvirt] images_type = {wanted} is not supported.")
    return StorageSettings(
        images_type=_IMAGES_TYPES[wanted],
        force_raw_images=conf.force_raw_images,
        preallocate=conf.preallocate_images == "space",
        cache_directory=conf.image_cache.subdirectory_name,
        ephemeral_format=conf.default_ephemeral_format,
        cache_modes=_pairs(conf.libvirt.disk_cachemodes, "disk_cachemodes"),
        discard=conf.libvirt.hw_disk_discard,
    )


def _division(conf: Any) -> Division:
    return parse_division(
        shared=conf.compute.cpu_shared_set,
        dedicated=conf.compute.cpu_dedicated_set,
        reserved=conf.reserved_huge_pages or (),
        pack=conf.compute.packing_host_numa_cells_allocation_strategy,
    )


def _devices(conf: Any) -> DeviceSettings:
    group = conf.libvirt
    return DeviceSettings(
        pointer=conf.pointer_model or "none",
        rx_queue_size=group.rx_queue_size,
        tx_queue_size=group.tx_queue_size,
        max_queues=group.max_queues,
        pcie_ports=group.num_pcie_ports,
        stats_period=max(group.mem_stats_period_seconds, 0),
        config_drive_format=conf.config_drive_format,
    )


def _pairs(items: Iterable[str], option: str) -> dict[str, str]:
    found = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not (name and equals and value):
            raise Invalid(f"[libvirt] {option}: {item!r} is not of the form name=value.")
        found[name.strip()] = value.strip()
    return found
