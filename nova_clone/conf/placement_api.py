"""Where the Placement service listens."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "placement_api"

OPTIONS = [
    cfg.StrOpt(
        "listen",
        default="0.0.0.0",  # noqa: S104 - as the field has it
        help="The address at which Placement listens.",
    ),
    cfg.PortOpt(
        "listen_port",
        default=8778,
        help="The port at which Placement listens.",
    ),
    cfg.IntOpt(
        "workers",
        min=1,
        help="How many processes serve Placement. Unset: one per processor.",
    ),
]
