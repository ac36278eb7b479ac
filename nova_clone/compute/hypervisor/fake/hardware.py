"""The NUMA cells and PCI devices of a fake host, told by a file."""

from __future__ import annotations

from pathlib import Path

import msgspec

from nova_clone.domain.errors import Invalid
from nova_clone.domain.hardware import NOTHING_TOLD, Hardware


def read_hardware(path: Path) -> Hardware:
    """Return what a JSON file tells, in the fields of `Hardware`; nothing without a file.

    Raises `Invalid` for a file that tells something else.
    """
    if not path.exists():
        return NOTHING_TOLD
    try:
        return msgspec.json.decode(path.read_bytes(), type=Hardware)
    except msgspec.DecodeError as error:
        raise Invalid(f"{path} does not describe hardware: {error}") from error
