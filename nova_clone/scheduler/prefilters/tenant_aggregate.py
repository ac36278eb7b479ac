"""Projects on the aggregates that are theirs."""

from __future__ import annotations

from nova_clone.domain.host import Aggregate
from nova_clone.scheduler.prefilters.base import Ask, Demand, nowhere

_KEY = "filter_tenant_id"


def tenant_aggregate(ask: Ask) -> Demand | None:
    """Keep a project to the aggregates whose ``filter_tenant_id*`` metadata names it."""
    settings, project_id = ask.settings, ask.spec.project_id
    if not settings.limit_tenants_to_placement_aggregate:
        return None
    found = frozenset(
        aggregate.uuid for aggregate in ask.cloud.aggregates if _names(aggregate, project_id)
    )
    if found:
        return Demand(member_of=(found,))
    if settings.placement_aggregate_required_for_tenants:
        raise nowhere(f"require_tenant_aggregate: no aggregate is for project {project_id}")
    return None


def _names(aggregate: Aggregate, project_id: str) -> bool:
    return any(
        project_id in (item.strip() for item in value.split(","))
        for key, value in aggregate.metadata.items()
        if key.startswith(_KEY)
    )
