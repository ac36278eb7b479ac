"""What the scheduler was told by its configuration."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

#: Option groups that the daemon reads.
OPTIONS = ("scheduler", "filter_scheduler", "compute", "zones", "conductor")

DEFAULT_FILTERS = (
    "ComputeFilter",
    "ComputeCapabilitiesFilter",
    "ImagePropertiesFilter",
    "ServerGroupAntiAffinityFilter",
    "ServerGroupAffinityFilter",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SchedulerSettings:
    """Settings of choice, by Nova's option names.

    ``weights`` maps a weigher's name to its multiplier. ``host_subset_size`` is how many of
    the best hosts one is drawn from. ``alternates`` counts the choices behind the first.
    """

    host: str = "scheduler"
    threads: int = 8
    enabled_filters: tuple[str, ...] = DEFAULT_FILTERS
    weights: Mapping[str, float] = dataclasses.field(default_factory=dict)
    host_subset_size: int = 1
    shuffle_best_same_weighed_hosts: bool = False
    max_placement_results: int = 1000
    alternates: int = 9
    default_zone: str = "nova"
    max_io_ops_per_host: int = 8
    max_instances_per_host: int = 50
    image_properties_default_architecture: str | None = None
    aggregate_image_properties_isolation_namespace: str | None = None
    build_failure_weight_multiplier: float = 1_000_000.0
