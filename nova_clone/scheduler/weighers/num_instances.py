"""NumInstancesWeigher."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.weighers.base import Score


class NumInstancesWeigher:
    """Prefers hosts with many servers; a negative multiplier spreads them."""

    name: ClassVar[str] = "NumInstancesWeigher"
    multiplier: ClassVar[str] = "num_instances_weight_multiplier"
    default: ClassVar[float] = 0.0
    floor: ClassVar[float | None] = None

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Score | None:
        """Concern every request."""
        return lambda view: view.summary.consumers
