"""MetricsFilter."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.base import Predicate
from nova_clone.scheduler.settings import SchedulerSettings


class MetricsFilter:
    """Hosts that report every metric of ``[metrics] weight_setting``."""

    name: ClassVar[str] = "MetricsFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern every request, once there are such metrics."""
        needed = settings.metrics_weight_setting.keys()
        if not needed:
            return None
        return lambda view: needed <= view.record.metrics.keys()
