"""What a compute daemon was told by its configuration."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

OrphanAction = Literal["reap", "log", "shutdown", "noop"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class InventorySettings:
    """What the host keeps for itself, and how far it is overcommitted.

    Memory and disk in MiB. A ratio that is ``None`` leaves it to the initial one.
    """

    reserved_memory_mb: int = 512
    reserved_disk_mb: int = 0
    reserved_cpus: int = 0
    cpu_ratio: float | None = None
    ram_ratio: float | None = None
    disk_ratio: float | None = None
    initial_cpu_ratio: float = 4.0
    initial_ram_ratio: float = 1.0
    initial_disk_ratio: float = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConfigDriveSettings:
    """When guests get a config drive, and of which kind."""

    force: bool = False
    format: Literal["iso9660", "vfat"] = "iso9660"
    dhcp_domain: str = "novalocal"
    skip_ec2_versions: frozenset[str] | None = None
    vendor_data_path: Path | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ComputeSettings:
    """Settings of one compute daemon. Times are in seconds; intervals of 0 or less are off.

    ``driver`` is the value of ``compute_driver``.
    """

    host: str
    state_path: Path
    instances_path: Path
    driver: str = "libvirt.LibvirtDriver"
    my_ip: str = "127.0.0.1"
    inventory: InventorySettings = dataclasses.field(default_factory=InventorySettings)
    config_drive: ConfigDriveSettings = dataclasses.field(default_factory=ConfigDriveSettings)
    max_concurrent_builds: int = 10
    max_concurrent_others: int = 32
    max_waiting: int = 10_000
    rpc_threads: int = 16
    shutdown_timeout: float = 60.0
    stop_timeout: float = 160.0
    report_interval: float = 10.0
    resources_interval: float = 60.0
    power_sync_interval: float = 600.0
    power_event_delay: float = 2.0
    handle_power_events: bool = True
    orphan_action: OrphanAction = "reap"
    orphan_interval: float = 1800.0
    orphan_timeout: float = 0.0
    resume_guests: bool = False
    lost_request_grace: float = 15.0
