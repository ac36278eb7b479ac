"""The disks of servers: made from the image cache, written down, removed."""

from __future__ import annotations

import functools
import logging
import shutil
import uuid
from pathlib import Path

from nova_clone.compute.hypervisor.libvirt import programs
from nova_clone.compute.hypervisor.libvirt.settings import StorageSettings
from nova_clone.compute.hypervisor.libvirt.storage import files, qcow2, raw, record
from nova_clone.compute.hypervisor.libvirt.storage.image_cache import Base, ImageCache
from nova_clone.compute.hypervisor.libvirt.storage.record import Disk, Role
from nova_clone.compute.hypervisor.port import FetchImage, GuestSpec
from nova_clone.domain.errors import ExternalFailure, Invalid, TryElsewhere
from nova_clone.domain.image import Image
from nova_clone.domain.server.server import Server

LOG = logging.getLogger(__name__)

GIB = 1024**3
MIB = 1024**2

KERNEL = "kernel"
RAMDISK = "ramdisk"

#: File systems that a blank disk may get.
_FILE_SYSTEMS = frozenset({"ext2", "ext3", "ext4", "xfs", "vfat", "ntfs"})
#: Options of their mkfs where it differs from that of ext4; the label comes last.
_FORMATTING = {"vfat": ("-n",), "xfs": ("-f", "-L"), "ntfs": ("-F", "-Q", "-L")}
#: The most of a kernel or ramdisk, in bytes.
_LARGEST_KERNEL = GIB


class Disks:
    """Where this host keeps servers' disks."""

    def __init__(self, instances_path: Path, settings: StorageSettings) -> None:
        self._instances = instances_path
        self._settings = settings
        self._backend = qcow2 if settings.images_type == "qcow2" else raw
        self._cache = ImageCache(
            instances_path / settings.cache_directory, force_raw=settings.force_raw_images
        )

    def directory(self, server: Server) -> Path:
        """Return the directory of a server's files."""
        try:
            return self._instances / str(uuid.UUID(server.id))
        except ValueError:
            raise Invalid(f"{server.id} is not a UUID.") from None

    def ensure_directory(self, server: Server) -> Path:
        """Return the directory of a server's files, made when missing."""
        path = self.directory(server)
        with files.room_needed():
            path.mkdir(parents=True, exist_ok=True)
        return path

    def load(self, server: Server) -> tuple[Disk, ...] | None:
        """Return the disks of a server; ``None`` when they are not complete."""
        directory = self.directory(server)
        disks = record.load(directory)
        if disks is None or not all((directory / disk.file).exists() for disk in disks):
            return None
        return disks

    def prepare(self, spec: GuestSpec, fetch: FetchImage) -> None:
        """Make a server's disks unless they are there.

        Raises Invalid for an image or flavor that no host will take and TryElsewhere
        when there is no room.
        """
        _refuse_volumes(spec.server)
        directory = self.ensure_directory(spec.server)
        if self.load(spec.server) is not None:
            return
        disks = []
        if spec.image is not None:
            disks.append(self._root(spec.server, spec.image, directory, fetch))
            self._kernel(spec.server, directory, fetch)
        disks += self._blank(spec.server, directory)
        with files.room_needed():
            record.save(directory, disks)

    def delete(self, server: Server) -> None:
        """Remove a server's directory; what is gone already is fine."""
        directory = self.directory(server)
        try:
            shutil.rmtree(directory)
        except FileNotFoundError:
            # Somebody else removes it too, or it never was.
            shutil.rmtree(directory, ignore_errors=True)
        except OSError as error:
            raise ExternalFailure(f"{directory} cannot be removed: {error.strerror}") from error

    def promised(self) -> int:
        """Return how many bytes the disks here may still grow by."""
        total = 0
        for path in self._instances.glob(f"*/{record.FILE}"):
            try:
                for disk in record.load(path.parent) or ():
                    taken = (path.parent / disk.file).stat().st_blocks * 512
                    total += max(disk.size - taken, 0)
            except (FileNotFoundError, ExternalFailure) as error:
                LOG.debug("disks in %s are not counted: %s", path.parent, error)
        return total

    def cache(self, image: Image, fetch: FetchImage) -> None:
        """Make an image ready for servers to come; raises as `prepare` does."""
        self._cache.image(image, fetch, largest=None)

    def _root(self, server: Server, image: Image, directory: Path, fetch: FetchImage) -> Disk:
        wanted = server.flavor.disk * GIB
        base = self._cache.image(image, fetch, largest=wanted or None)
        made = self._make("disk", base, directory, role="root", size=wanted or base.size)
        if image.disk_format == "iso":
            return Disk(**(vars(made) | {"device": "cdrom"}))
        return made

    def _make(self, name: str, base: Base, directory: Path, *, role: Role, size: int) -> Disk:
        path = directory / name
        preallocate = self._settings.preallocate
        self._backend.make(base, path, size=size, preallocate=preallocate)
        return Disk(
            file=name,
            format=self._settings.images_type,
            size=size,
            role=role,
            base=base.path.name,
        )

    def _kernel(self, server: Server, directory: Path, fetch: FetchImage) -> None:
        for name, image_id in ((KERNEL, server.kernel_id), (RAMDISK, server.ramdisk_id)):
            if image_id:
                image = Image(id=image_id, disk_format="aki")
                base = self._cache.image(image, fetch, largest=_LARGEST_KERNEL)
                with files.whole(directory / name) as fresh:
                    programs.run("cp", "--reflink=auto", str(base.path), str(fresh))

    def _blank(self, server: Server, directory: Path) -> list[Disk]:
        made = []
        for number, (size, kind) in enumerate(self._ephemerals(server)):
            label = f"ephemeral{number}"
            base = self._cache.made(
                f"{label}_{size}_{kind}", size * GIB, functools.partial(_format, kind, label)
            )
            name = f"disk.eph{number}"
            made.append(self._make(name, base, directory, role="ephemeral", size=size * GIB))
        swap = server.flavor.swap
        if swap:
            base = self._cache.made(f"swap_{swap}", swap * MIB, _make_swap)
            made.append(self._make("disk.swap", base, directory, role="swap", size=swap * MIB))
        return made

    def _ephemerals(self, server: Server) -> list[tuple[int, str]]:
        default = self._settings.ephemeral_format or _usual_format(server)
        asked = [
            (device.size or server.flavor.ephemeral, device.guest_format or default)
            for device in server.block_devices
            if device.source == "blank" and device.guest_format != "swap"
        ]
        if not asked and server.flavor.ephemeral:
            asked = [(server.flavor.ephemeral, default)]
        for _size, kind in asked:
            if kind not in _FILE_SYSTEMS:
                raise Invalid(f"Disks cannot be formatted with {kind}.")
        return asked


def _refuse_volumes(server: Server) -> None:
    for device in server.block_devices:
        if device.destination != "local":
            raise Invalid("Volumes are not supported by this host.")


def _usual_format(server: Server) -> str:
    return "ntfs" if server.image_properties.get("os_type") == "windows" else "ext4"


def _format(kind: str, label: str, path: Path) -> None:
    options = _FORMATTING.get(kind, ("-q", "-F", "-L"))
    try:
        programs.run(f"mkfs.{kind}", *options, label, str(path), timeout=600)
    except programs.Refused as error:
        LOG.error("mkfs.%s failed (%d): %s", kind, error.code, error.words)
        raise TryElsewhere(f"A disk could not be formatted with {kind}.") from error


def _make_swap(path: Path) -> None:
    programs.run("mkswap", str(path))
