"""What every resource of the REST API is given."""

from __future__ import annotations

import dataclasses

from nova_clone.contracts.conductor import ConductorContract
from nova_clone.placement.settings import PlacementSettings
from nova_clone.placement.snapshot import Follower


@dataclasses.dataclass(frozen=True, kw_only=True)
class Environment:
    """The conductor, what is known of its providers, and the service's settings."""

    settings: PlacementSettings
    conductor: ConductorContract
    follower: Follower
