"""Server groups: which servers shall share a host, and which shall not."""

from __future__ import annotations

import dataclasses
from datetime import datetime

AFFINITY = "affinity"
ANTI_AFFINITY = "anti-affinity"
SOFT_AFFINITY = "soft-affinity"
SOFT_ANTI_AFFINITY = "soft-anti-affinity"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerGroup:
    """A group of servers under one policy.

    ``max_per_host`` is the rule ``max_server_per_host`` of an anti-affinity group, ``None``
    when it was not given (which means 1). ``members`` are servers that are not deleted.
    """

    id: str
    name: str
    project_id: str
    user_id: str
    policy: str
    max_per_host: int | None = None
    members: tuple[str, ...] = ()
    created_at: datetime | None = None
