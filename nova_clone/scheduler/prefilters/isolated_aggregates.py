"""Aggregates for servers that ask for their traits, and for no others."""

from __future__ import annotations

from nova_clone.domain.host import Aggregate
from nova_clone.scheduler.prefilters.base import Ask, Demand


def isolated_aggregates(ask: Ask) -> Demand | None:
    """Keep a server off aggregates with a ``trait:NAME=required`` that it does not ask for."""
    if not ask.settings.enable_isolated_aggregate_filtering:
        return None
    asked = {
        trait
        for group in ask.query.groups
        for alternatives in group.required
        if len(alternatives) == 1
        for trait in alternatives
    } | ask.query.root_required
    others = frozenset(
        aggregate.uuid for aggregate in ask.cloud.aggregates if not _traits(aggregate) <= asked
    )
    return Demand(forbidden_aggregates=others) if others else None


def _traits(aggregate: Aggregate) -> frozenset[str]:
    return frozenset(
        key.removeprefix("trait:")
        for key, value in aggregate.metadata.items()
        if key.startswith("trait:") and value == "required"
    )
