"""The small HTTP server of a daemon that tells its health and its metrics."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "health"

OPTIONS = [
    cfg.StrOpt(
        "listen",
        default="127.0.0.1",
        help="The address at which a daemon tells its health.",
    ),
    cfg.PortOpt(
        "port",
        help=(
            "The port at which a daemon tells its health, at /healthcheck. Unset: it does "
            "not. The workers of a daemon take the ports that follow."
        ),
    ),
    cfg.BoolOpt(
        "metrics",
        default=False,
        help="Tell metrics as well, at /metrics, in the text format of Prometheus.",
    ),
]
