"""AvailabilityZoneFilter."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView


class AvailabilityZoneFilter:
    """Hosts of the zone that was asked for. Always on: a zone is a promise."""

    name: ClassVar[str] = "AvailabilityZoneFilter"

    def passes(self, view: HostView, spec: RequestSpec, settings: SchedulerSettings) -> bool:
        """Tell whether the host is in the wanted zone."""
        return spec.availability_zone is None or spec.availability_zone == view.zone
