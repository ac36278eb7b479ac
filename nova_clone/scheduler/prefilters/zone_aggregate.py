"""Availability zones."""

from __future__ import annotations

from nova_clone.scheduler.prefilters.base import Ask, Demand, nowhere

_KEY = "availability_zone"


def zone_aggregate(ask: Ask) -> Demand | None:
    """Keep a server to the aggregates that make its zone.

    Hosts that no aggregate gives a zone are in the default zone.
    """
    zone = ask.spec.availability_zone
    if zone is None:
        return None
    zones = {
        aggregate.uuid: aggregate.metadata[_KEY]
        for aggregate in ask.cloud.aggregates
        if _KEY in aggregate.metadata
    }
    if zone == ask.settings.default_zone:
        others = frozenset(uuid for uuid, name in zones.items() if name != zone)
        return Demand(forbidden_aggregates=others) if others else None
    found = frozenset(uuid for uuid, name in zones.items() if name == zone)
    if not found:
        raise nowhere(f"map_az_to_placement_aggregate: no aggregate makes zone {zone}")
    return Demand(member_of=(found,))
