"""How Placement is reached over its REST API."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "placement"

OPTIONS = [
    cfg.BoolOpt(
        "randomize_allocation_candidates",
        default=False,
        help=(
            "Give candidates in random order, so that a limit does not always name the same hosts."
        ),
    ),
    cfg.StrOpt(
        "incomplete_consumer_project_id",
        default="00000000-0000-0000-0000-000000000000",
        help="The project of consumers that were written without one.",
    ),
    cfg.StrOpt(
        "incomplete_consumer_user_id",
        default="00000000-0000-0000-0000-000000000000",
        help="The user of consumers that were written without one.",
    ),
    cfg.IntOpt(
        "allocation_conflict_retry_count",
        default=10,
        help="How often a claim is tried again that met another one.",
    ),
]
