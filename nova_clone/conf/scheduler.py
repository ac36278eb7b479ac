"""The scheduler, whichever way it chooses."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "scheduler"

OPTIONS = [
    cfg.IntOpt(
        "max_attempts",
        default=3,
        min=1,
        help="How many hosts are tried for a server before it fails.",
    ),
    cfg.IntOpt(
        "workers",
        min=0,
        help="How many processes run. Unset: one per processor.",
    ),
    cfg.IntOpt(
        "discover_hosts_in_cells_interval",
        default=-1,
        min=-1,
        help=(
            "Every how many seconds new hosts are looked for and added to their cell, by "
            "nova-conductor; -1 means never, 0 every minute."
        ),
    ),
    cfg.IntOpt(
        "max_placement_results",
        default=1000,
        min=1,
        help="How many candidates Placement is asked for.",
    ),
    cfg.BoolOpt(
        "limit_tenants_to_placement_aggregate",
        default=False,
        help="Keep projects to the aggregates whose filter_tenant_id names them.",
    ),
    cfg.BoolOpt(
        "placement_aggregate_required_for_tenants",
        default=False,
        help="Refuse projects that no such aggregate names.",
    ),
    cfg.BoolOpt(
        "query_placement_for_image_type_support",
        default=False,
        help="Ask for hosts that support the disk format of the image.",
    ),
    cfg.BoolOpt(
        "query_placement_for_routed_network_aggregates",
        default=False,
        help="Ask for hosts that reach the segments of a routed network.",
    ),
    cfg.BoolOpt(
        "enable_isolated_aggregate_filtering",
        default=False,
        help="Keep servers that do not ask for the traits of an aggregate off its hosts.",
    ),
    cfg.BoolOpt(
        "image_metadata_prefilter",
        default=False,
        help="Ask for hosts with the traits that image properties imply.",
    ),
]
