"""NumInstancesFilter and AggregateNumInstancesFilter."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.aggregate_metadata import limit
from nova_clone.scheduler.filters.base import Predicate
from nova_clone.scheduler.settings import SchedulerSettings


class NumInstancesFilter:
    """Hosts with fewer than ``max_instances_per_host`` servers."""

    name: ClassVar[str] = "NumInstancesFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern every request."""
        most = settings.max_instances_per_host
        return lambda view: view.summary.consumers < most


class AggregateNumInstancesFilter:
    """Hosts with fewer servers than their aggregates' ``max_instances_per_host``.

    The least counts; without aggregates that have it, the option does.
    """

    name: ClassVar[str] = "AggregateNumInstancesFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern every request."""
        most = limit("max_instances_per_host", settings.max_instances_per_host)
        return lambda view: view.summary.consumers < most(view)
