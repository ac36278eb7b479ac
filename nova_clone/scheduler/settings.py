"""What the scheduler was told by its configuration."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from nova_clone.scheduler.prefilters.base import RequestSettings

#: Option groups that the daemon reads.
OPTIONS = ("scheduler", "filter_scheduler", "metrics", "compute", "pci", "zones", "conductor")

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

    ``weight_multipliers`` maps a weigher's option (``ram_weight_multiplier``) to its value.
    ``host_subset_size`` is how many of the best hosts one is drawn from. ``alternates``
    counts the choices behind the first. What begins with ``metrics`` is of the group
    ``[metrics]``.
    """

    host: str = "scheduler"
    threads: int = 8
    available_filters: tuple[str, ...] = ("nova.scheduler.filters.all_filters",)
    enabled_filters: tuple[str, ...] = DEFAULT_FILTERS
    weight_classes: tuple[str, ...] = ("nova.scheduler.weights.all_weighers",)
    weight_multipliers: Mapping[str, float] = dataclasses.field(default_factory=dict)
    host_subset_size: int = 1
    shuffle_best_same_weighed_hosts: bool = False
    requests: RequestSettings = dataclasses.field(default_factory=RequestSettings)
    alternates: int = 2
    default_zone: str = "nova"
    max_io_ops_per_host: int = 8
    max_instances_per_host: int = 50
    isolated_hosts: frozenset[str] = frozenset()
    isolated_images: frozenset[str] = frozenset()
    restrict_isolated_hosts_to_isolated_images: bool = True
    image_properties_default_architecture: str | None = None
    aggregate_image_properties_isolation_namespace: str | None = None
    aggregate_image_properties_isolation_separator: str = "."
    image_props_weight_setting: Mapping[str, float] = dataclasses.field(default_factory=dict)
    metrics_weight_setting: Mapping[str, float] = dataclasses.field(default_factory=dict)
    metrics_required: bool = True
    metrics_weight_of_unavailable: float = -10_000.0
    pci_aliases: tuple[str, ...] = ()
