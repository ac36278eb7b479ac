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


def mdev_options(name: str) -> list[cfg.Opt]:
    """Return the options of the group of one type, which is ``mdev_<type>``."""
    old = f"vgpu_{name}"
    return [
        cfg.ListOpt(
            "device_addresses",
            default=[],
            deprecated_group=old,
            help="The PCI addresses of the devices that are split into this type.",
        ),
        cfg.StrOpt(
            "mdev_class",
            default="VGPU",
            help="The resource class of the devices: VGPU or a custom one.",
        ),
        cfg.IntOpt(
            "max_instances",
            min=1,
            help="How many devices of this type each of them is split into at most.",
        ),
    ]
