"""The libvirt driver."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "libvirt"

OPTIONS = [
    cfg.StrOpt(
        "virt_type",
        default="kvm",
        choices=["kvm", "lxc", "qemu", "parallels"],
        help="The kind of hypervisor below libvirt.",
    ),
    cfg.StrOpt(
        "connection_uri",
        default="",
        help="The libvirt connection; empty means the usual one of virt_type.",
    ),
    cfg.StrOpt(
        "cpu_mode",
        choices=["host-model", "host-passthrough", "custom", "none"],
        help=(
            "The processor model of guests. Unset: host-model with kvm and qemu on x86, "
            "none otherwise."
        ),
    ),
    cfg.ListOpt(
        "cpu_models",
        default=[],
        help="Processor models for the mode custom, the simplest first.",
    ),
    cfg.ListOpt(
        "cpu_model_extra_flags",
        default=[],
        help="Processor flags to add (+) or to take away (-).",
    ),
    cfg.ListOpt(
        "hw_machine_type",
        help="Machine types, as architecture=type.",
    ),
    cfg.StrOpt(
        "images_type",
        default="default",
        help="How disks are kept. Possible values: default, raw, flat, qcow2, lvm, rbd.",
    ),
    cfg.StrOpt(
        "images_volume_group",
        help="The LVM volume group of disks.",
    ),
    cfg.StrOpt(
        "images_rbd_pool",
        default="rbd",
        help="The Ceph pool of disks.",
    ),
    cfg.StrOpt(
        "images_rbd_ceph_conf",
        default="",
        help="The Ceph configuration file.",
    ),
    cfg.StrOpt(
        "rbd_user",
        help="The Ceph user.",
    ),
    cfg.StrOpt(
        "rbd_secret_uuid",
        help="The libvirt secret that holds the Ceph user's key.",
    ),
    cfg.ListOpt(
        "disk_cachemodes",
        default=[],
        help="Cache modes of disks, as type=mode.",
    ),
    cfg.StrOpt(
        "hw_disk_discard",
        choices=["ignore", "unmap"],
        help="What becomes of discard requests of guests.",
    ),
    cfg.BoolOpt(
        "inject_password",
        default=False,
        help="Write the admin password into the disk.",
    ),
    cfg.BoolOpt(
        "inject_key",
        default=False,
        help="Write the public key into the disk.",
    ),
    cfg.IntOpt(
        "inject_partition",
        default=-2,
        help=(
            "Into which partition: -2 none, injection is off; -1 found by inspection; 0 no "
            "partitions; or a number."
        ),
    ),
    cfg.StrOpt(
        "live_migration_scheme",
        help="The transport of live migrations; unset means the one of the hypervisor.",
    ),
    cfg.HostDomainOpt(
        "live_migration_inbound_addr",
        help="The address to which live migrations to this host go; unset means its name.",
    ),
    cfg.IntOpt(
        "live_migration_bandwidth",
        default=0,
        min=0,
        help="The most that a live migration sends, in MiB/s; 0 means without limit.",
    ),
    cfg.IntOpt(
        "live_migration_downtime",
        default=500,
        min=100,
        help="How long a guest may stand still at the end, in ms.",
    ),
    cfg.IntOpt(
        "live_migration_completion_timeout",
        default=800,
        min=0,
        help="How many seconds per GiB a live migration may take; 0 means without limit.",
    ),
    cfg.StrOpt(
        "live_migration_timeout_action",
        default="abort",
        choices=["abort", "force_complete"],
        help="What is done when that time is over.",
    ),
    cfg.BoolOpt(
        "live_migration_permit_post_copy",
        default=False,
        help="Allow the guest to go on at the destination before all its memory is there.",
    ),
    cfg.BoolOpt(
        "live_migration_permit_auto_converge",
        default=False,
        help="Allow the guest to be slowed down until its memory can be copied.",
    ),
    cfg.BoolOpt(
        "live_migration_with_native_tls",
        default=False,
        help="Encrypt with the hypervisor's own TLS.",
    ),
    cfg.IntOpt(
        "live_migration_parallel_connections",
        default=1,
        min=1,
        help="Over how many connections the memory is copied.",
    ),
    cfg.StrOpt(
        "snapshot_image_format",
        choices=["raw", "qcow2", "vmdk", "vdi"],
        help="The format of snapshots; unset means the format of the source.",
    ),
    cfg.BoolOpt(
        "volume_use_multipath",
        default=False,
        help="Attach volumes over several paths.",
    ),
    cfg.IntOpt(
        "rx_queue_size",
        choices=[256, 512, 1024],
        help="The size of virtio receive queues.",
    ),
    cfg.IntOpt(
        "tx_queue_size",
        choices=[256, 512, 1024],
        help="The size of virtio transmit queues.",
    ),
    cfg.IntOpt(
        "num_pcie_ports",
        default=0,
        min=0,
        help=("How many PCIe ports for hot plug a q35 guest has; 0 means the default of libvirt."),
    ),
    cfg.IntOpt(
        "num_memory_encrypted_guests",
        min=0,
        help=(
            "The most guests with memory encrypted by AMD SEV; unset means as many as the "
            "processor has keys for. It has no bearing on SEV-ES."
        ),
    ),
    cfg.IntOpt(
        "file_backed_memory",
        default=0,
        min=0,
        help="Memory, in MiB, that is backed by files; 0 means none.",
    ),
    cfg.StrOpt(
        "sysinfo_serial",
        default="unique",
        choices=["none", "os", "hardware", "auto", "unique"],
        help="Where the serial number in the SMBIOS of guests comes from.",
    ),
    cfg.IntOpt(
        "mem_stats_period_seconds",
        default=10,
        help="Every how many seconds the balloon reports; 0 or less means never.",
    ),
    cfg.BoolOpt(
        "swtpm_enabled",
        default=False,
        help="Offer emulated TPM devices.",
    ),
    cfg.ListOpt(
        "supported_tpm_secret_security",
        default=["user", "host", "deployment"],
        help=(
            "Who may own the secret of a TPM on this host. Possible values: user, host, deployment."
        ),
    ),
    cfg.BoolOpt(
        "cpu_power_management",
        default=False,
        help="Put dedicated processors to rest while no server uses them.",
    ),
    cfg.IntOpt(
        "device_detach_attempts",
        default=8,
        min=1,
        help="How often a guest is asked to give up a device.",
    ),
    cfg.IntOpt(
        "device_detach_timeout",
        default=20,
        min=1,
        help="How many seconds each attempt waits.",
    ),
    cfg.IntOpt(
        "wait_soft_reboot_seconds",
        default=120,
        min=0,
        help="How many seconds a soft reboot may take before it becomes a hard one.",
    ),
    cfg.StrOpt(
        "rescue_image_id",
        help="The image for rescue when neither the request nor the server names one.",
    ),
    cfg.StrOpt(
        "nfs_mount_point_base",
        default="$state_path/mnt",
        help="The directory under which NFS shares are mounted.",
    ),
    cfg.StrOpt(
        "remote_filesystem_transport",
        default="ssh",
        choices=["ssh", "rsync"],
        help="How files are copied to another host.",
    ),
    cfg.StrOpt(
        "images_rbd_glance_store_name",
        default="",
        help="The store of the image service that is the same Ceph pool.",
    ),
    cfg.StrOpt(
        "live_migration_uri",
        help=(
            "The libvirt address of the destination, with %s for its name. "
            "live_migration_scheme and live_migration_inbound_addr are the newer way."
        ),
    ),
    cfg.BoolOpt(
        "live_migration_tunnelled",
        default=False,
        help="Send live migrations through libvirtd.",
    ),
    cfg.IntOpt(
        "live_migration_downtime_steps",
        default=10,
        min=3,
        help="In how many steps the allowed downtime is reached.",
    ),
    cfg.IntOpt(
        "live_migration_downtime_delay",
        default=75,
        min=3,
        help="Seconds per GiB between two of those steps.",
    ),
    cfg.StrOpt(
        "disk_prefix",
        help="The prefix of disk names; unset means the one of virt_type.",
    ),
    cfg.BoolOpt(
        "use_usb_tablet",
        default=True,
        help="Kept for deployments that name it; pointer_model decides.",
    ),
    cfg.StrOpt(
        "swtpm_user",
        default="tss",
        help="The user of emulated TPM devices.",
    ),
    cfg.StrOpt(
        "swtpm_group",
        default="tss",
        help="The group of emulated TPM devices.",
    ),
    cfg.IntOpt(
        "max_queues",
        min=1,
        help=("The most queues of a virtio network device; unset means the limit of the kernel."),
    ),
    cfg.StrOpt(
        "snapshots_directory",
        default="$instances_path/snapshots",
        help="The directory in which snapshots are taken.",
    ),
    cfg.BoolOpt(
        "snapshot_compression",
        default=False,
        help="Compress qcow2 snapshots.",
    ),
    cfg.BoolOpt(
        "volume_enforce_multipath",
        default=False,
        help="Fail when a volume has only one path.",
    ),
    cfg.StrOpt(
        "iscsi_iface",
        help="The iSCSI interface.",
    ),
    cfg.IntOpt(
        "num_volume_scan_tries",
        default=5,
        help="How often a volume is looked for.",
    ),
    cfg.StrOpt(
        "nfs_mount_options",
        help="Options that NFS shares are mounted with.",
    ),
    cfg.ListOpt(
        "enabled_perf_events",
        default=[],
        help="Performance events that are measured.",
    ),
    cfg.IntOpt(
        "realtime_scheduler_priority",
        default=1,
        help="The priority of real-time processors.",
    ),
    cfg.ListOpt(
        "uid_maps",
        default=[],
        help="Maps of user ids of containers, as guest:host:count.",
    ),
    cfg.ListOpt(
        "gid_maps",
        default=[],
        help="Maps of group ids of containers, as guest:host:count.",
    ),
    cfg.StrOpt(
        "cpu_power_management_strategy",
        default="cpu_state",
        choices=["cpu_state", "governor"],
        help="How dedicated processors rest: taken offline, or by their governor.",
    ),
    cfg.StrOpt(
        "cpu_power_governor_low",
        default="powersave",
        help="The governor of resting processors.",
    ),
    cfg.StrOpt(
        "cpu_power_governor_high",
        default="performance",
        help="The governor of working processors.",
    ),
]
