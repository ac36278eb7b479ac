"""AvailabilityZoneFilter."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.base import Predicate
from nova_clone.scheduler.settings import SchedulerSettings


class AvailabilityZoneFilter:
    """Hosts of the zone that was asked for. Always on: a zone is a promise."""

    name: ClassVar[str] = "AvailabilityZoneFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern requests that name a zone."""
        zone = spec.availability_zone
        if zone is None:
            return None
        return lambda view: view.zone == zone
