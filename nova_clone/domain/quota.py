"""Limits of projects and what counts against them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

UNLIMITED = -1

#: Resource name to its default limit, as ``[quota]`` names and sets them.
DEFAULT_LIMITS: Mapping[str, int] = {
    "instances": 10,
    "cores": 20,
    "ram": 51200,
    "metadata_items": 128,
    "injected_files": 5,
    "injected_file_content_bytes": 10240,
    "injected_file_path_bytes": 255,
    "key_pairs": 100,
    "server_groups": 10,
    "server_group_members": 10,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Usage:
    """What the servers of a project use: number, virtual CPUs, MiB of memory."""

    instances: int = 0
    cores: int = 0
    ram: int = 0
    server_groups: int = 0


def exceeded(limit: int, used: int, wanted: int) -> bool:
    """Tell whether `wanted` more on top of `used` breaks `limit`."""
    return limit != UNLIMITED and used + wanted > limit
