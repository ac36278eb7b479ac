"""What placement answers over RPC."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterable, Iterator

from nova_clone.contracts.placement import CandidateQuery, Candidates, ProviderSummary
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.resources import Provider
from nova_clone.placement import candidates
from nova_clone.placement.candidates import Manner
from nova_clone.placement.settings import PlacementSettings
from nova_clone.placement.snapshot import Follower, summary


class PlacementService:
    """Implements `PlacementContract` on a snapshot that is brought up to date each time.

    A scheduler chooses among hosts, so each host has its first candidate before any has a
    second, whatever strategy the REST API follows.
    """

    def __init__(self, follower: Follower, settings: PlacementSettings | None = None) -> None:
        settings = settings or PlacementSettings()
        self._follower = follower
        self._told: dict[str, tuple[Provider, ProviderSummary]] = {}
        self._manner = Manner(
            strategy=candidates.BREADTH_FIRST,
            most=settings.max_candidates,
            rng=random.Random() if settings.randomize_candidates else None,  # noqa: S311
        )

    def candidates(self, context: RequestContext, request: CandidateQuery) -> Candidates:
        """Return where a request fits."""
        self._follower.catch_up(context)
        with self._follower as snapshot:
            manner = dataclasses.replace(self._manner, distinct=request.distinct)
            found = candidates.find(snapshot, request, manner)
            offer = Candidates.of(
                found.candidates,
                self._summaries(found.roots.values(), len(snapshot.providers)),
                sequence=snapshot.sequence,
                shapes=tuple(found.shapes),
                considered=found.considered,
                removed=dict(found.removed),
            )
            beside = [snapshot.providers[each] for each in offer.ids[len(offer.summaries) :]]
            room = tuple(map(_left, beside))
        names = tuple(provider.name for provider in beside)
        return dataclasses.replace(offer, room=room, beside=names) if room else offer

    def _summaries(self, roots: Iterable[Provider], known: int) -> Iterator[ProviderSummary]:
        """Yield the summaries; each is made once, until its provider changes."""
        if len(self._told) > 2 * known:
            self._told.clear()
        for root in roots:
            told = self._told.get(root.id)
            if told is None or told[0] is not root:
                told = self._told[root.id] = (root, summary(root))
            yield told[1]


def _left(provider: Provider) -> dict[str, int]:
    return {name: inventory.free for name, inventory in provider.inventories.items()}
