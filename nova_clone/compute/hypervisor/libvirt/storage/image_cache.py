"""Images of this host: fetched, inspected and made ready once for all servers.

A cached file has the SHA-1 of the image's id as its name; one that was not converted to
raw has its format as a suffix. So a name tells the format, whatever the content claims.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from oslo_concurrency import lockutils

from nova_clone.compute.hypervisor.libvirt.storage import files, inspection, qemu_img
from nova_clone.compute.hypervisor.port import FetchImage
from nova_clone.domain.errors import Invalid, TryElsewhere
from nova_clone.domain.image import Image


@dataclasses.dataclass(frozen=True, kw_only=True)
class Base:
    """A file that disks are made from; ``size`` is what a guest would see, in bytes."""

    path: Path
    format: Literal["raw", "qcow2"]
    size: int


class ImageCache:
    """The directory of cached images; several processes may share it."""

    def __init__(self, directory: Path, *, force_raw: bool) -> None:
        self._directory = directory
        self._force_raw = force_raw

    def image(self, image: Image, fetch: FetchImage, *, largest: int | None) -> Base:
        """Return the cached image, brought here and made ready if need be.

        Raises Invalid for an image that is unsafe, unsupported or larger than `largest`
        bytes, TryElsewhere when there is no room, and whatever `fetch` raises.
        """
        name = hashlib.sha1(image.id.encode(), usedforsecurity=False).hexdigest()
        with self._locked(name):
            base = self._find(name)
            if base is None:
                if image.size is not None:
                    _check_size(image.size, largest)
                base = self._bring(image, fetch, name, largest)
        _check_size(base.size, largest)
        os.utime(base.path)
        return base

    def made(self, name: str, size: int, make: Callable[[Path], None]) -> Base:
        """Return a raw file of ours with `size` bytes, made by `make` if it is not there."""
        path = self._directory / name
        with self._locked(name):
            if not path.exists():
                with files.whole(path) as fresh:
                    files.set_size(fresh, size)
                    make(fresh)
        os.utime(path)
        return Base(path=path, format="raw", size=size)

    def _find(self, name: str) -> Base | None:
        raw = self._directory / name
        if raw.exists():
            return Base(path=raw, format="raw", size=raw.stat().st_size)
        qcow2 = self._directory / f"{name}.qcow2"
        if qcow2.exists():
            found = inspection.inspect(qcow2, "qcow2")
            return Base(path=qcow2, format="qcow2", size=found.size)
        return None

    def _bring(self, image: Image, fetch: FetchImage, name: str, largest: int | None) -> Base:
        fetched = self._directory / f"{name}.part"
        fetched.unlink(missing_ok=True)
        try:
            with files.room_needed():
                fetch(image.id, fetched)
            found = inspection.inspect(fetched, image.disk_format)
            _check_size(found.size, largest)
            convert = found.format != "raw" and self._force_raw
            plain = found.format == "raw" or convert
            path = self._directory / (name if plain else f"{name}.{found.format}")
            with files.whole(path) as fresh:
                if convert:
                    self._check_room(found.size)
                    qemu_img.convert_untrusted(fetched, fresh, size=found.size)
                else:
                    fetched.replace(fresh)
                # QEMU's own user reads it, whatever the umask of this process.
                fresh.chmod(0o644)
        finally:
            fetched.unlink(missing_ok=True)
        return Base(path=path, format="raw" if plain else found.format, size=found.size)

    def _check_room(self, size: int) -> None:
        if size > shutil.disk_usage(self._directory).total:
            raise TryElsewhere("The image is larger than this host's file system.")

    @contextlib.contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        self._directory.mkdir(parents=True, exist_ok=True)
        locks = self._directory.parent / "locks"
        with lockutils.lock(name, "image-", external=True, lock_path=str(locks), do_log=False):
            yield


def _check_size(size: int, largest: int | None) -> None:
    if largest is not None and size > largest:
        raise Invalid(
            f"Flavor's disk is too small for the image: the disk has {largest} bytes, "
            f"the image needs {size}."
        )
