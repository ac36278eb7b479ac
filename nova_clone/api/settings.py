"""What the compute API is told."""

from __future__ import annotations

import dataclasses

from nova_clone.web.auth import AuthSettings
from nova_clone.web.call import BodyLimits
from nova_clone.web.policy import PolicySettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class ApiSettings:
    """The API's own options, by Nova's names where it has them.

    ``max_limit`` bounds every page of a list. ``internal_zone`` is the zone of daemons
    that are no compute hosts.
    """

    auth: AuthSettings
    policy: PolicySettings = dataclasses.field(default_factory=PolicySettings)
    limits: BodyLimits = dataclasses.field(default_factory=BodyLimits)
    max_limit: int = 1000
    compute_link_prefix: str | None = None
    enable_instance_password: bool = True
    password_length: int = 12
    trust_proxy: bool = False
    internal_zone: str = "internal"
