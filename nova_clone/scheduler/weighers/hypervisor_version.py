"""HypervisorVersionWeigher."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.weighers.base import Score


class HypervisorVersionWeigher:
    """Prefers newer hypervisors."""

    name: ClassVar[str] = "HypervisorVersionWeigher"
    multiplier: ClassVar[str] = "hypervisor_version_weight_multiplier"
    default: ClassVar[float] = 1.0
    floor: ClassVar[float | None] = None

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Score | None:
        """Concern every request."""
        return lambda view: view.record.hypervisor_version
