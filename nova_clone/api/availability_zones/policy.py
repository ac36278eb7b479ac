"""Who may see availability zones, and what is in them."""

from __future__ import annotations

from typing import Final

from nova_clone.web.policy import ADMIN, ANYBODY, Rule

LIST: Final = "os_compute_api:os-availability-zone:list"
DETAIL: Final = "os_compute_api:os-availability-zone:detail"

RULES: Final = (
    Rule(
        name=LIST,
        default=ANYBODY,
        description="List availability zones.",
        operations=(("GET", "/os-availability-zone"),),
    ),
    Rule(
        name=DETAIL,
        default=ADMIN,
        description="List availability zones with their hosts and services.",
        operations=(("GET", "/os-availability-zone/detail"),),
    ),
)
