"""PCI devices that are given to servers."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "pci"

OPTIONS = [
    cfg.MultiStrOpt(
        "device_spec",
        default=[],
        help="PCI devices that may be given to servers, as JSON. May be given several times.",
    ),
    cfg.MultiStrOpt(
        "alias",
        default=[],
        help=(
            "Names under which flavors ask for PCI devices, as JSON. May be given several times."
        ),
    ),
    cfg.BoolOpt(
        "report_in_placement",
        default=False,
        help="Report PCI devices to Placement.",
    ),
]
