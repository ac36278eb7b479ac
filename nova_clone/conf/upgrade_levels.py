"""RPC versions to stay below during an upgrade."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "upgrade_levels"

OPTIONS = [
    cfg.StrOpt(
        "compute",
        help=(
            "The highest RPC version that is spoken to computes: a version, a release name, "
            "or auto."
        ),
    ),
    cfg.StrOpt(
        "scheduler",
        help="The highest RPC version that is spoken to schedulers.",
    ),
    cfg.StrOpt(
        "conductor",
        help="The highest RPC version that is spoken to conductors.",
    ),
]
