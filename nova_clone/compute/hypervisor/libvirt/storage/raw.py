"""Disks as raw files: full copies, without a cached image below them."""

from __future__ import annotations

from pathlib import Path

from nova_clone.compute.hypervisor.libvirt import programs
from nova_clone.compute.hypervisor.libvirt.storage import files, qemu_img
from nova_clone.compute.hypervisor.libvirt.storage.image_cache import Base

FORMAT = "raw"


def make(base: Base, path: Path, *, size: int, preallocate: bool) -> None:
    """Make a disk of `size` bytes from `base`. Raises TryElsewhere when there is no room."""
    with files.whole(path) as fresh:
        if base.format == FORMAT:
            copying = ("cp", "--reflink=auto", "--sparse=always")
            programs.run(*copying, str(base.path), str(fresh), timeout=qemu_img.LONGEST)
        else:
            qemu_img.copy(base.path, base.format, fresh)
        files.set_size(fresh, size)
        if preallocate:
            programs.run("fallocate", "-n", "-l", str(size), str(fresh))
