"""The conductor."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "conductor"

OPTIONS = [
    cfg.IntOpt(
        "workers",
        min=1,
        help="How many processes run. Unset: one per processor.",
    ),
]
