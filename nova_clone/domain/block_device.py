"""Which disks a server has and what it boots from."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class BlockDevice:
    """One disk of a server; ``size`` is in GiB.

    ``source`` and ``destination`` carry the API's ``source_type`` and
    ``destination_type``.
    """

    id: str
    source: str = "image"
    destination: str = "local"
    boot_index: int | None = None
    size: int | None = None
    image_id: str | None = None
    volume_id: str | None = None
    snapshot_id: str | None = None
    attachment_id: str | None = None
    device_name: str | None = None
    disk_bus: str | None = None
    device_type: str | None = None
    guest_format: str | None = None
    delete_on_termination: bool = False
    tag: str | None = None
    volume_type: str | None = None
