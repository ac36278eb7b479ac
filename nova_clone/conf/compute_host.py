"""What a compute host offers and how it builds servers."""

from __future__ import annotations

from oslo_config import cfg, types

GROUP = "DEFAULT"

OPTIONS = [
    cfg.StrOpt(
        "instances_path",
        default="$state_path/instances",
        help="The directory of the disks and other files of servers.",
    ),
    cfg.StrOpt(
        "compute_driver",
        help=("The hypervisor driver. Possible values: libvirt.LibvirtDriver, fake.FakeDriver."),
    ),
    cfg.ListOpt(
        "compute_monitors",
        default=[],
        help=(
            "What this host measures of itself for the scheduler, every "
            "update_resources_interval seconds. Possible values: cpu.virt_driver."
        ),
    ),
    cfg.BoolOpt(
        "allow_resize_to_same_host",
        default=False,
        help="Let a resize choose the host that the server is on already.",
    ),
    cfg.IntOpt(
        "reserved_host_memory_mb",
        default=512,
        min=0,
        help="Memory, in MiB, that is kept for the host itself.",
    ),
    cfg.IntOpt(
        "reserved_host_disk_mb",
        default=0,
        min=0,
        help="Disk space, in MiB, that is kept for the host itself.",
    ),
    cfg.IntOpt(
        "reserved_host_cpus",
        default=0,
        min=0,
        help=(
            "How many processors are kept for the host itself. Cannot be set together with "
            "[compute] cpu_shared_set or cpu_dedicated_set: what is in neither is kept already."
        ),
    ),
    cfg.FloatOpt(
        "cpu_allocation_ratio",
        min=0.0,
        help=(
            "How many virtual processors are offered for each real one. When unset, the "
            "initial ratio is used once and Placement decides from then on."
        ),
    ),
    cfg.FloatOpt(
        "ram_allocation_ratio",
        min=0.0,
        help=(
            "How much memory is offered for each real MiB. When unset, the initial ratio is "
            "used once and Placement decides from then on."
        ),
    ),
    cfg.FloatOpt(
        "disk_allocation_ratio",
        min=0.0,
        help=(
            "How much disk space is offered for each real GiB. When unset, the initial "
            "ratio is used once and Placement decides from then on."
        ),
    ),
    cfg.FloatOpt(
        "initial_cpu_allocation_ratio",
        default=4.0,
        min=0.0,
        help="The first ratio of virtual to real processors of a new host.",
    ),
    cfg.FloatOpt(
        "initial_ram_allocation_ratio",
        default=1.0,
        min=0.0,
        help="The first ratio of offered to real memory of a new host.",
    ),
    cfg.FloatOpt(
        "initial_disk_allocation_ratio",
        default=1.0,
        min=0.0,
        help="The first ratio of offered to real disk space of a new host.",
    ),
    cfg.MultiOpt(
        "reserved_huge_pages",
        item_type=types.Dict(),
        help=(
            "Huge pages kept for the host itself, for example node:0,size:2048,count:64. "
            "May be given several times."
        ),
    ),
    cfg.IntOpt(
        "max_concurrent_builds",
        default=10,
        min=0,
        help="How many servers a host builds at a time; 0 means without limit.",
    ),
    cfg.IntOpt(
        "max_concurrent_snapshots",
        default=5,
        min=0,
        help="How many snapshots a host takes at a time; 0 means without limit.",
    ),
    cfg.IntOpt(
        "max_concurrent_live_migrations",
        default=1,
        min=0,
        help="How many live migrations leave a host at a time; 0 means without limit.",
    ),
    cfg.IntOpt(
        "shutdown_timeout",
        default=60,
        min=0,
        help="How many seconds a guest is given to shut down before it is powered off.",
    ),
    cfg.BoolOpt(
        "resume_guests_state_on_host_boot",
        default=False,
        help="Start the guests again that ran before the host was restarted.",
    ),
    cfg.IntOpt(
        "block_device_allocate_retries",
        default=60,
        min=0,
        help="How often it is looked whether a new volume is ready.",
    ),
    cfg.IntOpt(
        "block_device_allocate_retries_interval",
        default=3,
        min=0,
        help="Seconds between two such looks.",
    ),
    cfg.IntOpt(
        "network_allocate_retries",
        default=0,
        min=0,
        help="How often the allocation of networks is tried again.",
    ),
    cfg.BoolOpt(
        "vif_plugging_is_fatal",
        default=True,
        help=(
            "Let a build fail when the network service does not report its ports as plugged "
            "in time."
        ),
    ),
    cfg.IntOpt(
        "vif_plugging_timeout",
        default=300,
        min=0,
        help="How many seconds that report is waited for; 0 means not at all.",
    ),
    cfg.IntOpt(
        "arq_binding_timeout",
        default=300,
        min=1,
        help="How many seconds accelerators are waited for.",
    ),
    cfg.BoolOpt(
        "force_config_drive",
        default=False,
        help="Give every server a config drive.",
    ),
    cfg.StrOpt(
        "config_drive_format",
        default="iso9660",
        choices=["iso9660", "vfat"],
        deprecated_for_removal=True,
        deprecated_reason="Every guest reads ISO 9660.",
        help="The file system of config drives.",
    ),
    cfg.StrOpt(
        "mkisofs_cmd",
        default="genisoimage",
        help=(
            "The program that writes the ISO image of a config drive, with its leading "
            "arguments if any."
        ),
    ),
    cfg.BoolOpt(
        "force_raw_images",
        default=True,
        help="Convert cached images to raw.",
    ),
    cfg.BoolOpt(
        "use_cow_images",
        default=True,
        help=("Give servers a copy-on-write overlay of the cached image rather than a full copy."),
    ),
    cfg.StrOpt(
        "preallocate_images",
        default="none",
        choices=["none", "space"],
        help="Whether the space of a disk is allocated when it is made.",
    ),
    cfg.StrOpt(
        "default_ephemeral_format",
        help=(
            "The file system that ephemeral disks are formatted with, when the image does not say."
        ),
    ),
    cfg.StrOpt(
        "pointer_model",
        default="usbtablet",
        choices=["ps2mouse", "usbtablet", "none"],
        help="The pointing device of guests.",
    ),
    cfg.IntOpt(
        "migrate_max_retries",
        default=-1,
        min=-1,
        help="How many alternates a migration may try; -1 means all of them.",
    ),
    cfg.IntOpt(
        "live_migration_retry_count",
        default=30,
        min=0,
        help="How often the volumes and the destination of a live migration are looked for.",
    ),
    cfg.IntOpt(
        "reimage_timeout_per_gb",
        default=20,
        min=1,
        help="How many seconds per GiB the rebuild of a volume from an image may take.",
    ),
]
