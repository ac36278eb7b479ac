"""AggregateTypeAffinityFilter."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.aggregate_metadata import Aggregates, metadata, per_membership
from nova_clone.scheduler.filters.base import Predicate
from nova_clone.scheduler.settings import SchedulerSettings

KEY = "instance_type"


class AggregateTypeAffinityFilter:
    """Hosts whose aggregates name the flavor under ``instance_type``, or name none."""

    name: ClassVar[str] = "AggregateTypeAffinityFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern every request."""
        flavor = spec.flavor.name

        def admit(aggregates: Aggregates) -> bool:
            named = metadata(aggregates).get(KEY)
            return named is None or flavor in named

        return per_membership(admit)
