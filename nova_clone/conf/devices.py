"""Mediated devices that are given to servers."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "devices"

OPTIONS = [
    cfg.ListOpt(
        "enabled_mdev_types",
        default=[],
        help=(
            "Types of mediated devices that are offered. Each may have a group mdev_<type> "
            "with device_addresses, mdev_class and max_instances."
        ),
    ),
]
