"""Config drives: the documents of a guest as a small file system in a file."""

from __future__ import annotations

import io
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from nova_clone.domain.errors import ExternalFailure

Format = Literal["iso9660", "vfat"]

LABEL = "config-2"
PUBLISHER = "nova_clone"
#: Size of a VFAT drive in bytes.
VFAT_SIZE = 64 * 1024 * 1024


def write(path: Path, documents: Mapping[str, bytes], *, format: Format = "iso9660") -> None:  # noqa: A002
    """Make the drive at `path`, readable by its owner alone; replaces one that is there.

    Raises ExternalFailure when mtools are needed and fail; OSError when there is no room.
    """
    fresh = path.with_name(f"{path.name}.new")
    try:
        os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        if format == "vfat":
            _write_vfat(fresh, documents)
        else:
            _write_iso(fresh, documents)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _write_iso(path: Path, documents: Mapping[str, bytes]) -> None:
    import pycdlib

    iso = pycdlib.PyCdlib()
    iso.new(
        interchange_level=4,
        vol_ident=LABEL,
        joliet=3,
        rock_ridge="1.09",
        pub_ident_str=PUBLISHER,
    )
    try:
        for directory in _directories(documents):
            name = directory.rpartition("/")[2]
            iso.add_directory(f"/{directory}", rr_name=name, joliet_path=f"/{directory}")
        for name, content in documents.items():
            iso.add_fp(
                io.BytesIO(content),
                len(content),
                f"/{name}",
                rr_name=name.rpartition("/")[2],
                joliet_path=f"/{name}",
            )
        with path.open("r+b") as out:
            iso.write_fp(out)
    finally:
        iso.close()


def _write_vfat(path: Path, documents: Mapping[str, bytes]) -> None:
    with path.open("r+b") as out:
        out.truncate(VFAT_SIZE)
    _mtools("mformat", "-i", str(path), "-v", LABEL, "-F", "::")
    for directory in _directories(documents):
        _mtools("mmd", "-i", str(path), f"::{directory}")
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "document"
        for name, content in documents.items():
            source.write_bytes(content)
            _mtools("mcopy", "-i", str(path), str(source), f"::{name}")


def _mtools(*command: str) -> None:
    environment = os.environ | {"MTOOLS_SKIP_CHECK": "1"}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, timeout=60, check=False, text=True
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ExternalFailure(f"{command[0]} cannot be run: {error}") from error
    if done.returncode:
        raise ExternalFailure(f"{command[0]} failed: {done.stderr.strip()[:500]}")


def _directories(documents: Mapping[str, bytes]) -> list[str]:
    found = {
        str(parent) for name in documents for parent in Path(name).parents if str(parent) != "."
    }
    return sorted(found)
