"""Routed provider networks: segments that do not reach every host."""

from __future__ import annotations

from nova_clone.scheduler.prefilters.base import Ask, Demand, nowhere


def routed_networks(ask: Ask) -> Demand | None:
    """Keep a server to hosts that a segment of each of its networks reaches."""
    if not ask.settings.query_placement_for_routed_network_aggregates:
        return None
    found = ask.spec.network_aggregates
    if any(not aggregates for aggregates in found):
        raise nowhere("routed_networks_filter: a segment of a network has no aggregate")
    return Demand(member_of=tuple(frozenset(one) for one in found)) if found else None
