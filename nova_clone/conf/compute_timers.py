"""When a compute host looks after what it runs."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "DEFAULT"

OPTIONS = [
    cfg.IntOpt(
        "resize_confirm_window",
        default=0,
        min=0,
        help="After how many seconds a resize is confirmed by itself; 0 means never.",
    ),
    cfg.IntOpt(
        "reclaim_instance_interval",
        default=0,
        help=(
            "For how many seconds a deleted server can be restored; with 0 it is deleted at once."
        ),
    ),
    cfg.IntOpt(
        "shelved_offload_time",
        default=0,
        min=-1,
        help=(
            "After how many seconds a shelved server leaves its host; 0 means at once, -1 never."
        ),
    ),
    cfg.IntOpt(
        "shelved_poll_interval",
        default=3600,
        help="Every how many seconds shelved servers are looked at.",
    ),
    cfg.IntOpt(
        "instance_build_timeout",
        default=0,
        min=0,
        help=(
            "After how many seconds a server that is still being built counts as failed; 0 "
            "means never."
        ),
    ),
    cfg.IntOpt(
        "reboot_timeout",
        default=0,
        min=0,
        help=(
            "After how many seconds a server that is still rebooting is rebooted hard; 0 "
            "means never."
        ),
    ),
    cfg.IntOpt(
        "rescue_timeout",
        default=0,
        min=0,
        help="After how many seconds a rescued server is unrescued by itself; 0 means never.",
    ),
    cfg.IntOpt(
        "sync_power_state_interval",
        default=600,
        help=(
            "Every how many seconds the power state of guests is compared with the record; "
            "0 means the usual 60 s, a negative value never."
        ),
    ),
    cfg.IntOpt(
        "heal_instance_info_cache_interval",
        default=-1,
        help=(
            "Every how many seconds the kept network state of a server is refreshed; -1 "
            "means never."
        ),
    ),
    cfg.IntOpt(
        "update_resources_interval",
        default=0,
        help=(
            "Every how many seconds a host reports its resources; 0 means the usual 60 s, a "
            "negative value never."
        ),
    ),
    cfg.IntOpt(
        "instance_delete_interval",
        default=300,
        help="Every how many seconds leftovers of deleted servers are looked for.",
    ),
    cfg.StrOpt(
        "running_deleted_instance_action",
        default="reap",
        choices=["reap", "log", "shutdown", "noop"],
        help="What is done with a guest that runs although its server was deleted.",
    ),
    cfg.IntOpt(
        "running_deleted_instance_poll_interval",
        default=1800,
        help="Every how many seconds such guests are looked for.",
    ),
    cfg.IntOpt(
        "running_deleted_instance_timeout",
        default=0,
        help="For how many seconds such a guest is left alone first.",
    ),
    cfg.IntOpt(
        "volume_usage_poll_interval",
        default=0,
        help="Every how many seconds the use of volumes is read; 0 means never.",
    ),
    cfg.BoolOpt(
        "instance_usage_audit",
        default=False,
        help="Tell the usage of every server once per period.",
    ),
    cfg.StrOpt(
        "instance_usage_audit_period",
        default="month",
        help=(
            "The period of the usage audit: hour, day, month or year, with an optional "
            "offset such as month@15."
        ),
    ),
]
