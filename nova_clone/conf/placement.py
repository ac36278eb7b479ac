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
    cfg.IntOpt(
        "max_allocation_candidates",
        default=-1,
        min=-1,
        help=(
            "How many candidates one request may get, whatever limit it names. -1: as many as "
            "there are. Where hosts have many children that could give the same, the ways to "
            "combine them are more than anybody can store."
        ),
    ),
    cfg.StrOpt(
        "allocation_candidates_generation_strategy",
        default="depth-first",
        choices=[
            ("depth-first", "Every candidate of one tree of providers before the next tree."),
            ("breadth-first", "One candidate of each tree in turn, then the second of each."),
        ],
        help=(
            "In which order candidates are generated, and so which ones a limit leaves. "
            "breadth-first shares a limit between the hosts, which matters where hosts have "
            "many children. nova-scheduler is always answered breadth first."
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
