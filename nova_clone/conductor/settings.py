"""What the conductor was told by its configuration."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from nova_clone.domain.quota import DEFAULT_LIMITS

#: Option groups that the daemon reads.
OPTIONS = (
    "api",
    "api_database",
    "api_servers",
    "compute",
    "compute_host",
    "compute_timers",
    "conductor",
    "database",
    "glance",
    "image_cache",
    "keystone_authtoken_credentials",
    "neutron",
    "pci",
    "placement_database",
    "quota",
    "scheduler",
    "service_user",
    "zones",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConductorSettings:
    """Settings that decide how requests are judged and work is done. Times in seconds.

    ``build_timeout`` 0 means that a build may take as long as its host stays alive;
    ``discovery_interval`` of 0 or less that nobody looks for new hosts.
    """

    host: str
    workers: int = 8
    lease_seconds: float = 15.0
    sweep_seconds: float = 5.0
    max_build_attempts: int = 3
    build_timeout: float = 0.0
    answer_timeout: float = 1800.0
    reclaim_interval: float = 0.0
    discovery_interval: float = 0.0
    default_zone: str = "nova"
    default_schedule_zone: str | None = None
    routed_networks: bool = False
    pci_aliases: tuple[str, ...] = ()
    precache_concurrency: int = 1
    unique_name_scope: str = ""
    force_config_drive: bool = False
    shutdown_timeout: float = 60.0
    limits: Mapping[str, int] = dataclasses.field(default_factory=lambda: dict(DEFAULT_LIMITS))
    max_local_block_devices: int = 3
