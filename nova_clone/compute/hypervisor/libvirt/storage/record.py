"""Which disks a server has on this host: written down, never guessed from their content."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from nova_clone.domain.errors import ExternalFailure

FILE = "disks.json"

Role = Literal["root", "ephemeral", "swap"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Disk:
    """One disk in a server's directory.

    ``size`` is what the guest sees, in bytes; ``base`` the file in the image cache that it
    was made from.
    """

    file: str
    format: Literal["raw", "qcow2"]
    size: int
    role: Role = "root"
    device: Literal["disk", "cdrom"] = "disk"
    base: str | None = None


def save(directory: Path, disks: Iterable[Disk]) -> None:
    """Write the disks of a server down, all or nothing."""
    fresh = directory / f"{FILE}.new"
    with fresh.open("w") as out:
        json.dump([dataclasses.asdict(disk) for disk in disks], out, indent=1)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(directory / FILE)


def load(directory: Path) -> tuple[Disk, ...] | None:
    """Return the disks of a server; ``None`` when they were never finished."""
    try:
        text = (directory / FILE).read_text()
    except FileNotFoundError:
        return None
    try:
        return tuple(Disk(**raw) for raw in json.loads(text))
    except (ValueError, TypeError) as error:
        raise ExternalFailure(f"{directory / FILE} cannot be read: {error}") from error
