"""Devices of the kinds that both Nova and Cyborg may own.

Source: the specification "Usage of new OWNER_NOVA trait". A host's own provider is Nova's in
any case, so a group that spans the tree would find the trait there and take Cyborg's device
all the same; hence Cyborg's are refused.
"""

from __future__ import annotations

from nova_clone.scheduler.prefilters.base import Ask, Demand

OWNER_CYBORG = "OWNER_CYBORG"
_SHARED_CLASSES = frozenset({"VGPU"})


def owner_nova(ask: Ask) -> Demand | None:
    """Keep what a flavor asks for itself off devices that Cyborg hands out."""
    carried = {group.suffix for group in ask.spec.request_groups}
    found = [
        group.suffix
        for group in ask.query.groups
        if group.suffix not in carried and not _SHARED_CLASSES.isdisjoint(group.resources)
    ]
    if not found:
        return None
    return Demand(forbidden=dict.fromkeys(found, frozenset({OWNER_CYBORG})))
