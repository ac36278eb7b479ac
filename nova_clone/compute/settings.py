"""What a compute daemon was told by its configuration."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal

from nova_clone.compute.inventory.mediated import MediatedType, checked
from nova_clone.compute.inventory.pci import PciSettings
from nova_clone.conf.devices import mdev_options
from nova_clone.domain.errors import Invalid
from nova_clone.domain.metadata import SKIPPED_ON_DRIVE
from nova_clone.domain.pci.device import parse_device_specs
from nova_clone.domain.topology.division import Division, parse_division

#: What of `nova_clone.conf` the daemon needs.
OPTIONS = (
    "api",
    "compute",
    "compute_host",
    "compute_timers",
    "devices",
    "glance",
    "image_cache",
    "keystone_authtoken_credentials",
    "libvirt",
    "neutron",
    "pci",
    "service_user",
    "vnc",
    "workarounds",
)

#: How often resources are looked at, in seconds, when the configuration says 0.
USUAL_RESOURCES_INTERVAL = 60.0

#: What "no limit" means for concurrent builds.
MANY_BUILDS = 256

OrphanAction = Literal["reap", "log", "shutdown", "noop"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class InventorySettings:
    """What the host keeps for itself, what it offers, and how far it is overcommitted.

    Memory and disk in MiB. A ratio that is ``None`` leaves it to the initial one.
    ``provider_config`` is the directory of files that add to the report. Without
    ``counts_failures`` builds that fail here are not held against the host.
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
    division: Division = dataclasses.field(default_factory=Division)
    pci: PciSettings = dataclasses.field(default_factory=PciSettings)
    mediated: tuple[MediatedType, ...] = ()
    excluded_images: frozenset[str] = frozenset()
    provider_config: Path | None = None
    counts_failures: bool = True

    def __post_init__(self) -> None:
        if self.reserved_cpus and self.division.configured:
            raise Invalid(
                "reserved_host_cpus cannot be set together with [compute] cpu_shared_set or "
                "cpu_dedicated_set: processors that are in neither are the host's already."
            )

    @classmethod
    def from_conf(cls, conf: Any) -> InventorySettings:
        """Take them from ``DEFAULT``, ``compute``, ``pci`` and ``devices``.

        Raises Invalid for settings that no host could follow.
        """
        location = conf.compute.provider_config_location
        return cls(
            reserved_memory_mb=conf.reserved_host_memory_mb,
            reserved_disk_mb=conf.reserved_host_disk_mb,
            reserved_cpus=conf.reserved_host_cpus,
            cpu_ratio=conf.cpu_allocation_ratio,
            ram_ratio=conf.ram_allocation_ratio,
            disk_ratio=conf.disk_allocation_ratio,
            initial_cpu_ratio=conf.initial_cpu_allocation_ratio,
            initial_ram_ratio=conf.initial_ram_allocation_ratio,
            initial_disk_ratio=conf.initial_disk_allocation_ratio,
            division=parse_division(
                shared=conf.compute.cpu_shared_set,
                dedicated=conf.compute.cpu_dedicated_set,
                reserved=conf.reserved_huge_pages or (),
                pack=conf.compute.packing_host_numa_cells_allocation_strategy,
            ),
            pci=PciSettings(
                specs=parse_device_specs(conf.pci.device_spec),
                report=conf.pci.report_in_placement,
            ),
            mediated=_mediated(conf),
            excluded_images=frozenset(conf.compute.image_type_exclude_list),
            provider_config=Path(location) if location else None,
            counts_failures=conf.compute.consecutive_build_service_disable_threshold != 0,
        )


def _mediated(conf: Any) -> tuple[MediatedType, ...]:
    found = []
    for name in conf.devices.enabled_mdev_types:
        group = f"mdev_{name}"
        conf.register_opts(mdev_options(name), group=group)
        found.append(
            MediatedType(
                name=name,
                addresses=frozenset(each.strip().lower() for each in conf[group].device_addresses),
                resource_class=conf[group].mdev_class,
                max_instances=conf[group].max_instances,
            )
        )
    return checked(found)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConfigDriveSettings:
    """When guests get a config drive, and of which kind."""

    force: bool = False
    format: Literal["iso9660", "vfat"] = "iso9660"
    dhcp_domain: str = "novalocal"
    skip_ec2_versions: frozenset[str] = SKIPPED_ON_DRIVE
    vendor_data_path: Path | None = None

    @classmethod
    def from_conf(cls, conf: Any) -> ConfigDriveSettings:
        """Take them from the groups ``DEFAULT`` and ``api``."""
        path = conf.api.vendordata_jsonfile_path
        return cls(
            force=conf.force_config_drive,
            format=conf.config_drive_format,
            dhcp_domain=conf.api.dhcp_domain or "",
            skip_ec2_versions=frozenset(conf.api.config_drive_skip_versions.split()),
            vendor_data_path=Path(path) if path else None,
        )


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
    monitors: tuple[str, ...] = ()

    @classmethod
    def from_conf(cls, conf: Any) -> ComputeSettings:
        """Take them from the configuration of nova-compute."""
        resources = conf.update_resources_interval
        return cls(
            host=conf.host,
            state_path=Path(conf.state_path),
            instances_path=Path(conf.instances_path),
            driver=conf.compute_driver or "",
            my_ip=conf.my_ip,
            inventory=InventorySettings.from_conf(conf),
            config_drive=ConfigDriveSettings.from_conf(conf),
            max_concurrent_builds=conf.max_concurrent_builds or MANY_BUILDS,
            shutdown_timeout=float(conf.shutdown_timeout),
            stop_timeout=float(conf.manager_shutdown_timeout),
            report_interval=float(conf.report_interval),
            resources_interval=float(USUAL_RESOURCES_INTERVAL if resources == 0 else resources),
            power_sync_interval=float(conf.sync_power_state_interval),
            handle_power_events=conf.workarounds.handle_virt_lifecycle_events,
            orphan_action=conf.running_deleted_instance_action,
            orphan_interval=float(conf.running_deleted_instance_poll_interval),
            orphan_timeout=float(conf.running_deleted_instance_timeout),
            resume_guests=conf.resume_guests_state_on_host_boot,
            monitors=tuple(conf.compute_monitors),
        )
