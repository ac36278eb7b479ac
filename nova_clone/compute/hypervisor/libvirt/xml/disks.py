"""The disks of a guest, and the names by which it knows them."""

from __future__ import annotations

import collections
import dataclasses
import string
from pathlib import Path

from nova_clone.compute.hypervisor.libvirt.xml.encryption import driver
from nova_clone.compute.hypervisor.libvirt.xml.request import DomainRequest
from nova_clone.compute.hypervisor.libvirt.xml.tree import Element, element

_BUSES = ("virtio", "scsi", "sata", "ide", "usb", "fdc")
_PREFIXES = {"virtio": "vd", "ide": "hd", "fdc": "fd"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class AttachedDisk:
    """A disk with its place in the guest. ``target`` is its name, e.g. ``vda``."""

    path: Path
    format: str
    bus: str
    target: str
    device: str = "disk"


def attached(request: DomainRequest) -> tuple[AttachedDisk, ...]:
    """Return every disk of a guest with its place, the root disk first."""
    names = _Names()
    bus = request.choice("hw_disk_bus", _BUSES, "virtio")
    disc_bus = _disc_bus(request)
    found = []
    for disk in request.disks:
        at = disc_bus if disk.device == "cdrom" else bus
        found.append(
            AttachedDisk(
                path=request.directory / disk.file,
                format=disk.format,
                bus=at,
                target=names.next(at),
                device=disk.device,
            )
        )
    if request.spec.config_drive is not None:
        disc = request.settings.devices.config_drive_format == "iso9660"
        at = disc_bus if disc else "virtio"
        found.append(
            AttachedDisk(
                path=request.spec.config_drive,
                format="raw",
                bus=at,
                target=names.next(at),
                device="cdrom" if disc else "disk",
            )
        )
    return tuple(found)


def disks(request: DomainRequest) -> list[Element]:
    """Return the ``<disk>`` elements of a guest, and the controllers that they need."""
    places = attached(request)
    made = [_disk(request, place) for place in places]
    if any(place.bus == "scsi" for place in places):
        model = request.properties.get("hw_scsi_model") or "virtio-scsi"
        parts = [driver(request) if model == "virtio-scsi" else None]
        made.append(element("controller", {"type": "scsi", "index": 0, "model": model}, parts))
    return made


def _disk(request: DomainRequest, place: AttachedDisk) -> Element:
    storage = request.settings.storage
    usual = "none" if request.host.direct_io else "writeback"
    says = {
        "name": "qemu",
        "type": place.format,
        "cache": storage.cache_modes.get("file", usual),
        "discard": storage.discard if place.device == "disk" else None,
        **(request.virtio if place.bus == "virtio" else {}),
    }
    parts = [
        element("driver", says),
        element("source", {"file": place.path}),
        element("target", {"dev": place.target, "bus": place.bus}),
        element("readonly") if place.device == "cdrom" else None,
    ]
    return element("disk", {"type": "file", "device": place.device}, parts)


def _disc_bus(request: DomainRequest) -> str:
    if request.host.arch in ("x86_64", "i686"):
        usual = "sata" if request.is_q35 else "ide"
    else:
        usual = "scsi"
    return request.choice("hw_cdrom_bus", _BUSES, usual)


class _Names:
    def __init__(self) -> None:
        self._used: collections.Counter[str] = collections.Counter()

    def next(self, bus: str) -> str:
        prefix = _PREFIXES.get(bus, "sd")
        number = self._used[prefix]
        self._used[prefix] += 1
        letters = string.ascii_lowercase
        return prefix + (letters[number // 26 - 1] if number >= 26 else "") + letters[number % 26]
