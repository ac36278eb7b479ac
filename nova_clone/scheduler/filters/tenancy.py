"""AggregateMultiTenancyIsolation."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.aggregate_metadata import Aggregates, metadata, per_membership
from nova_clone.scheduler.filters.base import Predicate
from nova_clone.scheduler.settings import SchedulerSettings

KEY = "filter_tenant_id"


class AggregateMultiTenancyIsolation:
    """Hosts whose aggregates name the project under ``filter_tenant_id*``, or name none."""

    name: ClassVar[str] = "AggregateMultiTenancyIsolation"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern every request."""
        project_id = spec.project_id

        def admit(aggregates: Aggregates) -> bool:
            named = [given for key, given in metadata(aggregates).items() if key.startswith(KEY)]
            return not named or any(project_id in given for given in named)

        return per_membership(admit)
