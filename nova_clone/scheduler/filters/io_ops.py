"""IoOpsFilter and AggregateIoOpsFilter."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.aggregate_metadata import limit
from nova_clone.scheduler.filters.base import Predicate
from nova_clone.scheduler.settings import SchedulerSettings


class IoOpsFilter:
    """Hosts with fewer than ``max_io_ops_per_host`` servers being built."""

    name: ClassVar[str] = "IoOpsFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern every request."""
        most = settings.max_io_ops_per_host
        return lambda view: view.building < most


class AggregateIoOpsFilter:
    """Hosts with fewer servers being built than their aggregates' ``max_io_ops_per_host``.

    The least counts; without aggregates that have it, the option does.
    """

    name: ClassVar[str] = "AggregateIoOpsFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern every request."""
        most = limit("max_io_ops_per_host", settings.max_io_ops_per_host)
        return lambda view: view.building < most(view)
