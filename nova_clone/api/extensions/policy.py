"""Who may list extensions."""

from __future__ import annotations

from typing import Final

from nova_clone.web.policy import ANYBODY, Rule

LIST: Final = "os_compute_api:extensions"

RULES: Final = (
    Rule(
        name=LIST,
        default=ANYBODY,
        description="List extensions.",
        operations=(("GET", "/extensions"), ("GET", "/extensions/{alias}")),
    ),
)
