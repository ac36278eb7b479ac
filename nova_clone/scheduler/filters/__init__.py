"""Every filter by its name in ``[filter_scheduler] enabled_filters``."""

from __future__ import annotations

from nova_clone.domain.errors import Invalid
from nova_clone.scheduler.catalog import available
from nova_clone.scheduler.filters.aggregate_extra_specs import AggregateInstanceExtraSpecsFilter
from nova_clone.scheduler.filters.aggregate_image_properties import (
    AggregateImagePropertiesIsolation,
)
from nova_clone.scheduler.filters.all_hosts import AllHostsFilter
from nova_clone.scheduler.filters.availability_zone import AvailabilityZoneFilter
from nova_clone.scheduler.filters.base import Filter
from nova_clone.scheduler.filters.capabilities import ComputeCapabilitiesFilter
from nova_clone.scheduler.filters.cidr_affinity import SimpleCIDRAffinityFilter
from nova_clone.scheduler.filters.compute import ComputeFilter
from nova_clone.scheduler.filters.image_properties import ImagePropertiesFilter
from nova_clone.scheduler.filters.io_ops import AggregateIoOpsFilter, IoOpsFilter
from nova_clone.scheduler.filters.isolated_hosts import IsolatedHostsFilter
from nova_clone.scheduler.filters.json_query import JsonFilter
from nova_clone.scheduler.filters.metrics import MetricsFilter
from nova_clone.scheduler.filters.neighbours import DifferentHostFilter, SameHostFilter
from nova_clone.scheduler.filters.num_instances import (
    AggregateNumInstancesFilter,
    NumInstancesFilter,
)
from nova_clone.scheduler.filters.numa_topology import NUMATopologyFilter
from nova_clone.scheduler.filters.pci_passthrough import PciPassthroughFilter
from nova_clone.scheduler.filters.requested_host import RequestedHostFilter
from nova_clone.scheduler.filters.server_group import (
    ServerGroupAffinityFilter,
    ServerGroupAntiAffinityFilter,
)
from nova_clone.scheduler.filters.tenancy import AggregateMultiTenancyIsolation
from nova_clone.scheduler.filters.type_affinity import AggregateTypeAffinityFilter
from nova_clone.scheduler.settings import SchedulerSettings

ALWAYS: tuple[Filter, ...] = (RequestedHostFilter(), AvailabilityZoneFilter())
FILTERS: dict[str, Filter] = {
    found.name: found
    for found in (
        AggregateImagePropertiesIsolation(),
        AggregateInstanceExtraSpecsFilter(),
        AggregateIoOpsFilter(),
        AggregateMultiTenancyIsolation(),
        AggregateNumInstancesFilter(),
        AggregateTypeAffinityFilter(),
        AllHostsFilter(),
        ComputeCapabilitiesFilter(),
        ComputeFilter(),
        DifferentHostFilter(),
        ImagePropertiesFilter(),
        IoOpsFilter(),
        IsolatedHostsFilter(),
        JsonFilter(),
        MetricsFilter(),
        NUMATopologyFilter(),
        NumInstancesFilter(),
        PciPassthroughFilter(),
        SameHostFilter(),
        ServerGroupAffinityFilter(),
        ServerGroupAntiAffinityFilter(),
        SimpleCIDRAffinityFilter(),
    )
}


def enabled(settings: SchedulerSettings) -> tuple[Filter, ...]:
    """Return the filters to run, in order; the ones that are always on come first.

    Raises `Invalid`, with the name of the option, for a filter that does not exist or is
    not available.
    """
    found = available(
        "[filter_scheduler] available_filters",
        settings.available_filters,
        FILTERS,
        everything="nova.scheduler.filters.all_filters",
    )
    unknown = sorted(set(settings.enabled_filters) - found.keys())
    if unknown:
        raise Invalid(
            "[filter_scheduler] enabled_filters has what available_filters does not offer: "
            + ", ".join(unknown)
        )
    return (*ALWAYS, *(found[name] for name in settings.enabled_filters))
