"""DiskWeigher."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.weighers.base import Score


class DiskWeigher:
    """Prefers free disk space."""

    name: ClassVar[str] = "DiskWeigher"
    multiplier: ClassVar[str] = "disk_weight_multiplier"
    default: ClassVar[float] = 1.0
    floor: ClassVar[float | None] = 0.0

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Score | None:
        """Concern every request."""
        return lambda view: view.free_disk_gb
