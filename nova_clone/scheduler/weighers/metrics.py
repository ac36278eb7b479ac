"""MetricsWeigher."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.errors import NoValidHost
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView
from nova_clone.scheduler.weighers.base import Score


class MetricsWeigher:
    """Prefers hosts by the sum of their metrics, as ``[metrics] weight_setting`` rates them.

    The option of the multiplier is ``[metrics] weight_multiplier``. A host that lacks a
    metric has the score ``weight_of_unavailable``, or with ``required`` ends the choice:
    MetricsFilter keeps such hosts away.
    """

    name: ClassVar[str] = "MetricsWeigher"
    multiplier: ClassVar[str] = "metrics_weight_multiplier"
    default: ClassVar[float] = 1.0
    floor: ClassVar[float | None] = None

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Score | None:
        """Concern every request, once there are such metrics."""
        ratios = settings.metrics_weight_setting
        if not ratios:
            return None

        def score(view: HostView) -> float:
            metrics = view.record.metrics
            missing = sorted(ratios.keys() - metrics.keys())
            if not missing:
                return sum(metrics[name] * ratio for name, ratio in ratios.items())
            if settings.metrics_required:
                raise NoValidHost(
                    f"Host {view.host} does not report {', '.join(missing)}, which [metrics] "
                    "weight_setting names; enable MetricsFilter or set [metrics] required = false."
                )
            return settings.metrics_weight_of_unavailable

        return score
