"""ComputeFilter."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.base import Predicate
from nova_clone.scheduler.settings import SchedulerSettings


class ComputeFilter:
    """Hosts whose compute service is enabled and answers."""

    name: ClassVar[str] = "ComputeFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern every request."""
        return lambda view: view.up and not view.record.disabled
