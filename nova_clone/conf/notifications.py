"""What is told to the message bus when something changes."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "notifications"

OPTIONS = [
    cfg.StrOpt(
        "notification_format",
        default="unversioned",
        choices=["both", "versioned", "unversioned"],
        help="Which kinds of notifications are sent.",
    ),
    cfg.ListOpt(
        "versioned_notifications_topics",
        default=["versioned_notifications"],
        help="Topics of versioned notifications.",
    ),
    cfg.StrOpt(
        "notify_on_state_change",
        choices=["none", "vm_state", "vm_and_task_state"],
        help="At which changes instance.update is sent.",
    ),
    cfg.BoolOpt(
        "bdms_in_notifications",
        default=False,
        help="Include block devices in versioned notifications.",
    ),
    cfg.StrOpt(
        "default_level",
        default="INFO",
        choices=["DEBUG", "INFO", "WARN", "ERROR", "CRITICAL"],
        help="The level of notifications.",
    ),
    cfg.BoolOpt(
        "include_share_mapping",
        default=False,
        help="Include shares in versioned notifications.",
    ),
    cfg.StrOpt(
        "default_publisher_id",
        default="$host",
        help="The host part of the name that notifications come from.",
    ),
]
