"""The metrics of hosts that the scheduler may weigh."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "metrics"

OPTIONS = [
    cfg.ListOpt(
        "weight_setting",
        default=[],
        help="Weights of metrics, as name=ratio.",
    ),
    cfg.FloatOpt(
        "weight_multiplier",
        default=1.0,
        help="Multiplier of the weigher that sums metrics.",
    ),
    cfg.BoolOpt(
        "required",
        default=True,
        help=(
            "Let a host without a metric of weight_setting be an error; otherwise it gets "
            "weight_of_unavailable."
        ),
    ),
    cfg.FloatOpt(
        "weight_of_unavailable",
        default=-10000.0,
        help="The weight of a host that lacks a metric.",
    ),
]
