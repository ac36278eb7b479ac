"""CPUWeigher."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.weighers.base import Score


class CPUWeigher:
    """Prefers free virtual CPUs."""

    name: ClassVar[str] = "CPUWeigher"
    multiplier: ClassVar[str] = "cpu_weight_multiplier"
    default: ClassVar[float] = 1.0
    floor: ClassVar[float | None] = 0.0

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Score | None:
        """Concern every request."""
        return lambda view: view.free_vcpus
