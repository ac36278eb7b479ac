"""A look at an image before any program opens it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from oslo_utils.imageutils import format_inspector

from nova_clone.domain.errors import Invalid

#: How images may be declared → what may be found in them. A disk with a partition table
#: is raw; a CD that also boots from a stick has two faces.
_ACCEPTED: Mapping[str, tuple[frozenset[str], ...]] = {
    "raw": (frozenset({"raw"}), frozenset({"gpt"})),
    "ami": (frozenset({"raw"}), frozenset({"gpt"})),
    "aki": (frozenset({"raw"}), frozenset({"gpt"})),
    "ari": (frozenset({"raw"}), frozenset({"gpt"})),
    "qcow2": (frozenset({"qcow2"}),),
    "iso": (frozenset({"iso"}), frozenset({"iso", "gpt"})),
}
#: Kernels and their ramdisks. A kernel can look like a disk with a broken partition table.
_NO_DISKS = frozenset({"aki", "ari"})
_STEP = 64 * 1024


@dataclasses.dataclass(frozen=True, kw_only=True)
class Found:
    """What an image is: how QEMU is to read it, and how large a disk it makes, in bytes."""

    format: Literal["raw", "qcow2"]
    size: int


def inspect(path: Path, declared: str | None) -> Found:
    """Return what the image in a file is.

    Raises Invalid unless it is of the declared format, of one that is supported, and
    refers to nothing outside of itself.
    """
    accepted = _ACCEPTED.get(declared or "")
    if accepted is None:
        raise Invalid(f"Images of the format {declared} are not supported.")
    inspectors = _matches(path)
    found = frozenset(str(each) for each in inspectors)
    if found not in accepted:
        names = " and ".join(sorted(found))
        raise Invalid(f"The image is declared as {declared}, but its content is {names}.")
    if declared not in _NO_DISKS:
        for each in inspectors:
            _check(each)
    if declared != "qcow2":
        return Found(format="raw", size=path.stat().st_size)
    [qcow2] = inspectors
    return Found(format="qcow2", size=int(qcow2.virtual_size))


def _matches(path: Path) -> list[format_inspector.FileInspector]:
    with path.open("rb") as source:
        wrapper = format_inspector.InspectWrapper(source)
        try:
            while wrapper.formats is None and wrapper.read(_STEP):
                pass
        finally:
            wrapper.close()
        return list(wrapper.formats or ())


def _check(inspector: format_inspector.FileInspector) -> None:
    try:
        inspector.safety_check()
    except format_inspector.SafetyCheckFailed as error:
        reasons = ", ".join(sorted(error.failures))
        raise Invalid(f"The image is not safe to use ({reasons}).") from error
