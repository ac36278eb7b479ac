"""BuildFailureWeigher."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.weighers.base import Score


class BuildFailureWeigher:
    """Prefers hosts where fewer builds failed since the last that went well.

    None is counted on a host whose ``[compute] consecutive_build_service_disable_threshold``
    is 0.
    """

    name: ClassVar[str] = "BuildFailureWeigher"
    multiplier: ClassVar[str] = "build_failure_weight_multiplier"
    default: ClassVar[float] = 1_000_000.0
    floor: ClassVar[float | None] = None

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Score | None:
        """Concern every request."""
        return lambda view: -view.record.failed_builds
