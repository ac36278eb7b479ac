"""What placement answers over RPC."""

from __future__ import annotations

from nova_clone.contracts.placement import CandidateQuery, Candidates
from nova_clone.domain.identity import RequestContext
from nova_clone.placement import candidates
from nova_clone.placement.snapshot import Follower


class PlacementService:
    """Implements `PlacementContract` on a snapshot that is brought up to date each time."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower

    def candidates(self, context: RequestContext, request: CandidateQuery) -> Candidates:
        """Return where a request fits."""
        self._follower.catch_up(context)
        with self._follower as snapshot:
            return candidates.find(snapshot, request)
