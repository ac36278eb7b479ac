"""The hardware of a fake host, told by files."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from nova_clone.compute.hypervisor.port import CpuTimes
from nova_clone.domain.errors import Invalid
from nova_clone.domain.hardware import NOTHING_TOLD, Hardware, MediatedParent
from nova_clone.domain.memory_encryption import EncryptionModel

T = TypeVar("T")


def read_hardware(path: Path) -> Hardware:
    """Return what a JSON file tells, in the fields of `Hardware`; nothing without a file.

    Raises `Invalid` for a file that tells something else.
    """
    return _read(path, Hardware, NOTHING_TOLD)


def read_mediated(path: Path) -> tuple[MediatedParent, ...]:
    """Return the devices that can be split, of which a JSON file tells; else like hardware."""
    return _read(path, tuple[MediatedParent, ...], ())


def read_encrypted_guests(path: Path) -> dict[EncryptionModel, int]:
    """Return how many guests with encrypted memory a JSON file allows; else like hardware."""
    return _read(path, dict[EncryptionModel, int], {})


def read_cpu_times(path: Path, idle: CpuTimes) -> CpuTimes:
    """Return the `CpuTimes` of a JSON file, else like hardware; `idle` without a file."""
    return _read(path, CpuTimes, idle)


def _read(path: Path, kind: type[T], nothing: T) -> T:
    if not path.exists():
        return nothing
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except msgspec.DecodeError as error:
        raise Invalid(f"{path} does not describe hardware: {error}") from error
