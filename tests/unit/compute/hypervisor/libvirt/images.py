"""Images as files, some of which mean no good."""

from __future__ import annotations

import io
import struct

import pycdlib

GIB = 1024**3

_MAGIC = b"QFI\xfb"
#: Bits of a qcow2 header's incompatible features.
DATA_FILE = 1 << 2
UNKNOWN = 1 << 30

VMDK = b"""# Disk DescriptorFile
version=1
CID=fffffffe
parentCID=ffffffff
createType="monolithicFlat"

# Extent description
RW 2048 FLAT "/etc/passwd" 0
"""


def qcow2(*, size: int = GIB, backing: bytes = b"", features: int = 0) -> bytes:
    """Return a qcow2 image of version 3 without any data.

    Layout: the qcow2 specification in QEMU's documentation (docs/interop/qcow2).
    """
    length = 104
    offset = length + 8 if backing else 0
    header = struct.pack(
        ">4sIQIIQIIQQIIQQQQII",
        _MAGIC,
        3,
        offset,
        len(backing),
        16,
        size,
        0,
        0,
        0,
        0x10000,
        1,
        0,
        0,
        features,
        0,
        0,
        4,
        length,
    )
    end_of_extensions = bytes(8)
    return (header + end_of_extensions + backing).ljust(0x40000, b"\0")


def raw(megabytes: int = 1) -> bytes:
    """Return a disk without anything on it."""
    return bytes(megabytes * 1024**2)


def boot_sector() -> bytes:
    """Return what begins like a disk, with a partition table that makes no sense."""
    return (bytes(446) + b"\x12" * 64 + b"\x55\xaa").ljust(1024**2, b"\0")


def disc() -> bytes:
    """Return a CD."""
    iso = pycdlib.PyCdlib()
    iso.new()
    iso.add_fp(io.BytesIO(b"hello"), 5, "/HELLO.;1")
    written = io.BytesIO()
    iso.write_fp(written)
    iso.close()
    return written.getvalue()
