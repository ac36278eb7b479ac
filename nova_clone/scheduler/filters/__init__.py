"""Every filter by its name in ``[filter_scheduler] enabled_filters``."""

from __future__ import annotations

from nova_clone.domain.errors import Invalid
from nova_clone.scheduler.filters.availability_zone import AvailabilityZoneFilter
from nova_clone.scheduler.filters.base import Filter
from nova_clone.scheduler.filters.capabilities import ComputeCapabilitiesFilter
from nova_clone.scheduler.filters.compute import ComputeFilter
from nova_clone.scheduler.filters.image_properties import ImagePropertiesFilter
from nova_clone.scheduler.filters.io_ops import IoOpsFilter
from nova_clone.scheduler.filters.num_instances import NumInstancesFilter
from nova_clone.scheduler.filters.requested_host import RequestedHostFilter
from nova_clone.scheduler.filters.server_group import (
    ServerGroupAffinityFilter,
    ServerGroupAntiAffinityFilter,
)
from nova_clone.scheduler.settings import SchedulerSettings

ALWAYS: tuple[Filter, ...] = (RequestedHostFilter(), AvailabilityZoneFilter())
FILTERS: dict[str, Filter] = {
    found.name: found
    for found in (
        ComputeFilter(),
        ComputeCapabilitiesFilter(),
        ImagePropertiesFilter(),
        IoOpsFilter(),
        NumInstancesFilter(),
        ServerGroupAffinityFilter(),
        ServerGroupAntiAffinityFilter(),
    )
}


def enabled(settings: SchedulerSettings) -> tuple[Filter, ...]:
    """Return the filters to run, in order; the ones that are always on come first.

    Raises `Invalid` for a name that no filter has.
    """
    unknown = sorted(set(settings.enabled_filters) - set(FILTERS))
    if unknown:
        raise Invalid(f"[filter_scheduler] enabled_filters: no such filter: {', '.join(unknown)}")
    return (*ALWAYS, *(FILTERS[name] for name in settings.enabled_filters))
