"""Disks as qcow2 overlays: only what a guest changes takes room."""

from __future__ import annotations

from pathlib import Path

from nova_clone.compute.hypervisor.libvirt import programs
from nova_clone.compute.hypervisor.libvirt.storage import files, qemu_img
from nova_clone.compute.hypervisor.libvirt.storage.image_cache import Base

FORMAT = "qcow2"


def make(base: Base, path: Path, *, size: int, preallocate: bool) -> None:
    """Make a disk of `size` bytes over `base`. Raises TryElsewhere when there is no room."""
    with files.whole(path) as fresh:
        qemu_img.create_overlay(base.path, base.format, fresh, size=size)
        if preallocate:
            programs.run("fallocate", "-n", "-l", str(size), str(fresh))
