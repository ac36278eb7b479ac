"""Who may see whose limits."""

from __future__ import annotations

from typing import Final

from nova_clone.web.policy import ADMIN, ANYBODY, Rule

SHOW: Final = "os_compute_api:limits"
OTHER_PROJECT: Final = "os_compute_api:limits:other_project"

_LIMITS: Final = (("GET", "/limits"),)

RULES: Final = (
    Rule(name=SHOW, default=ANYBODY, description="Show limits and use.", operations=_LIMITS),
    Rule(
        name=OTHER_PROJECT,
        default=ADMIN,
        description="Show the limits and use of another project.",
        operations=_LIMITS,
    ),
)
