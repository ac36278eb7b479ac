"""AggregateInstanceExtraSpecsFilter."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.aggregate_metadata import Aggregates, metadata, per_membership
from nova_clone.scheduler.filters.base import Predicate
from nova_clone.scheduler.filters.operators import matches
from nova_clone.scheduler.settings import SchedulerSettings

SCOPE = "aggregate_instance_extra_specs"


class AggregateInstanceExtraSpecsFilter:
    """Hosts whose aggregates have what the flavor's extra specs ask for.

    These are the extra specs of the scope ``aggregate_instance_extra_specs`` and those
    without a scope.
    """

    name: ClassVar[str] = "AggregateInstanceExtraSpecsFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern flavors with such extra specs."""
        wanted = {
            name: value
            for key, value in spec.flavor.extra_specs.items()
            if (name := _name(key)) is not None
        }
        if not wanted:
            return None

        def satisfy(aggregates: Aggregates) -> bool:
            given = metadata(aggregates)
            return all(
                any(matches(word, value) for word in given.get(name, ()))
                for name, value in wanted.items()
            )

        return per_membership(satisfy)


def _name(key: str) -> str | None:
    scope, colon, name = key.partition(":")
    if not colon:
        return key
    return name if scope == SCOPE else None
