"""Switches around defects of other software."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "workarounds"

OPTIONS = [
    cfg.BoolOpt(
        "handle_virt_lifecycle_events",
        default=True,
        help="Act upon what the hypervisor reports of guests.",
    ),
    cfg.BoolOpt(
        "disable_group_policy_check_upcall",
        default=False,
        help="Do not check the policy of a server group again on the compute host.",
    ),
    cfg.BoolOpt(
        "never_download_image_if_on_rbd",
        default=False,
        help="Fail rather than download an image that is on Ceph already.",
    ),
    cfg.BoolOpt(
        "skip_cpu_compare_on_dest",
        default=False,
        help="Do not compare processors on the destination of a live migration.",
    ),
    cfg.BoolOpt(
        "unified_limits_count_pcpu_as_vcpu",
        default=False,
        help="Count dedicated processors as virtual ones against limits.",
    ),
    cfg.BoolOpt(
        "disable_rootwrap",
        default=False,
        help="Kept for deployments that name it.",
    ),
    cfg.BoolOpt(
        "ensure_libvirt_rbd_instance_dir_cleanup",
        default=False,
        help="Remove the directory of a server whose disks are on Ceph.",
    ),
    cfg.BoolOpt(
        "reserve_disk_resource_for_image_cache",
        default=False,
        help="Count the image cache as reserved disk space.",
    ),
    cfg.ListOpt(
        "wait_for_vif_plugged_event_during_hard_reboot",
        default=[],
        help=("For ports of these vNIC types wait during a hard reboot until they are plugged."),
    ),
]
