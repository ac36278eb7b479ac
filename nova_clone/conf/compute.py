"""A compute host: processors, limits and habits."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "compute"

OPTIONS = [
    cfg.StrOpt(
        "cpu_shared_set",
        help=("Host processors for virtual processors that are not pinned, such as 4-12,^8,15."),
    ),
    cfg.StrOpt(
        "cpu_dedicated_set",
        help="Host processors for pinned virtual processors, such as 4-12,^8,15.",
    ),
    cfg.IntOpt(
        "consecutive_build_service_disable_threshold",
        default=10,
        help=(
            "Whether this host's failed builds in a row are counted, so that the scheduler "
            "prefers other hosts: 0 means no, anything else yes."
        ),
    ),
    cfg.IntOpt(
        "max_concurrent_disk_ops",
        default=0,
        min=0,
        help="How many heavy disk operations a host does at a time; 0 means without limit.",
    ),
    cfg.IntOpt(
        "max_disk_devices_to_attach",
        default=-1,
        min=-1,
        help="How many disks a server may have; -1 means without limit.",
    ),
    cfg.StrOpt(
        "provider_config_location",
        default="/etc/nova/provider_config/",
        help="The directory of YAML files with additional inventories and traits.",
    ),
    cfg.IntOpt(
        "resource_provider_association_refresh",
        default=300,
        min=0,
        help=(
            "For how many seconds what Placement says of traits and aggregates is believed; "
            "0 means for ever."
        ),
    ),
    cfg.BoolOpt(
        "live_migration_wait_for_vif_plug",
        default=True,
        help="Wait until the ports are plugged on the destination.",
    ),
    cfg.BoolOpt(
        "packing_host_numa_cells_allocation_strategy",
        default=False,
        help="Fill one NUMA cell before the next rather than spread servers over them.",
    ),
    cfg.ListOpt(
        "vmdk_allowed_types",
        default=["streamOptimized", "monolithicSparse"],
        help="VMDK subformats that are accepted.",
    ),
    cfg.IntOpt(
        "shutdown_retry_interval",
        default=10,
        min=1,
        help="Seconds between two signals to a guest that should shut down.",
    ),
    cfg.ListOpt(
        "image_type_exclude_list",
        default=[],
        help="Image formats that this host does not offer.",
    ),
    cfg.IntOpt(
        "sharing_providers_max_uuids_per_request",
        default=200,
        min=1,
        help="How many providers Placement is asked about at a time.",
    ),
]
