"""IoOpsFilter."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.base import Predicate
from nova_clone.scheduler.settings import SchedulerSettings


class IoOpsFilter:
    """Hosts with fewer than ``max_io_ops_per_host`` servers being built or moved."""

    name: ClassVar[str] = "IoOpsFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern every request."""
        limit = settings.max_io_ops_per_host
        return lambda view: view.building < limit
