"""What is known of a bootable image."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime


@dataclasses.dataclass(frozen=True, kw_only=True)
class Image:
    """One image of the image service.

    ``size`` is in bytes and ``None`` until data is uploaded; ``min_disk`` is in
    GiB and ``min_ram`` in MiB. ``properties`` holds everything that is not a base
    attribute of the Image API v2 (``hw_*``, ``os_*``, custom ones), as text.
    """

    id: str
    name: str | None = None
    status: str = "active"
    visibility: str = "private"
    owner: str | None = None
    container_format: str | None = None
    disk_format: str | None = None
    size: int | None = None
    checksum: str | None = None
    hash_algo: str | None = None
    hash_value: str | None = None
    min_disk: int = 0
    min_ram: int = 0
    protected: bool = False
    created_at: datetime | None = None
    updated_at: datetime | None = None
    properties: Mapping[str, str] = dataclasses.field(default_factory=dict)
