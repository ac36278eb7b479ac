"""The program qemu-img: formats are always named, and untrusted data is read under limits."""

from __future__ import annotations

import logging
from pathlib import Path

from oslo_concurrency.processutils import ProcessLimits

from nova_clone.compute.hypervisor.libvirt import programs
from nova_clone.domain.errors import Invalid

LOG = logging.getLogger(__name__)

#: Bytes of address space that qemu-img gets for data of tenants.
ADDRESS_SPACE = 2 * 1024**3
#: Seconds of processor time: a base, and one more for each so many bytes.
CPU_BASE = 30
CPU_BYTES = 16 * 1024**2
#: Seconds that any call may take.
LONGEST = 3600.0


def convert_untrusted(source: Path, target: Path, *, size: int) -> None:
    """Make a raw file from a qcow2 image of a tenant, whose disk has `size` bytes.

    Raises Invalid when qemu-img refuses the image, TryElsewhere when there is no room.
    """
    limits = ProcessLimits(
        address_space=ADDRESS_SPACE,
        cpu_time=CPU_BASE + size // CPU_BYTES,
        file_size=size + 1024**2,
    )
    command = ("qemu-img", "convert", "-q", "-f", "qcow2", "-O", "raw", str(source), str(target))
    try:
        programs.run(*command, timeout=LONGEST, limits=limits)
    except programs.Refused as error:
        LOG.warning("qemu-img refuses an image (%d): %s", error.code, error.words)
        raise Invalid("The image cannot be converted.") from error


def create_overlay(base: Path, base_format: str, target: Path, *, size: int) -> None:
    """Make a qcow2 disk of `size` bytes that begins with the content of `base`."""
    backing = ("-b", str(base), "-F", base_format)
    _trusted("create", "-q", "-f", "qcow2", *backing, str(target), str(size))


def copy(source: Path, source_format: str, target: Path) -> None:
    """Make a raw copy of a disk that is ours."""
    _trusted("convert", "-q", "-f", source_format, "-O", "raw", str(source), str(target))


def _trusted(*arguments: str) -> None:
    try:
        programs.run("qemu-img", *arguments, timeout=LONGEST)
    except programs.Refused as error:
        LOG.error("qemu-img %s failed (%d): %s", arguments[0], error.code, error.words)
        raise
