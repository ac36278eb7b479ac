"""Availability zones, and what becomes of new services."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "DEFAULT"

OPTIONS = [
    cfg.StrOpt(
        "default_availability_zone",
        default="nova",
        help=("The zone of hosts whose aggregates name none. It must not be given in requests."),
    ),
    cfg.StrOpt(
        "default_schedule_zone",
        help="The zone of servers whose request names none; unset means any.",
    ),
    cfg.StrOpt(
        "internal_service_availability_zone",
        default="internal",
        help="The zone under which services other than compute are shown.",
    ),
    cfg.BoolOpt(
        "enable_new_services",
        default=True,
        help=(
            "Whether a compute service that appears for the first time may be given servers "
            "at once."
        ),
    ),
]
