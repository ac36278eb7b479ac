"""What every resource of the REST API is given."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

from nova_clone.contracts.conductor import ConductorContract
from nova_clone.placement.settings import PlacementSettings
from nova_clone.placement.snapshot import Follower, Snapshot
from nova_clone.web.call import Request


@dataclasses.dataclass(frozen=True, kw_only=True)
class Environment:
    """The conductor, what is known of its providers, and the service's settings."""

    settings: PlacementSettings
    conductor: ConductorContract
    follower: Follower

    @contextlib.contextmanager
    def fresh(self, req: Request) -> Iterator[Snapshot]:
        """Hold the providers as of now: every acknowledged write is in them."""
        self.follower.catch_up(req.context.caller)
        with self.follower as snapshot:
            yield snapshot
