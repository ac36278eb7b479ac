"""What every resource of the API is given."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from nova_clone.api.settings import ApiSettings
from nova_clone.contracts.compute import ComputeContract
from nova_clone.contracts.conductor import ConductorContract

#: Given a host's name, its compute service.
ComputeOf = Callable[[str], ComputeContract]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Environment:
    """The services behind the door, and the door's settings."""

    settings: ApiSettings
    conductor: ConductorContract
    compute: ComputeOf
