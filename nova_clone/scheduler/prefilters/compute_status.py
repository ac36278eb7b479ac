"""Disabled hosts."""

from __future__ import annotations

from nova_clone.scheduler.prefilters.base import Ask, Demand

DISABLED = "COMPUTE_STATUS_DISABLED"


def compute_status(ask: Ask) -> Demand | None:
    """Keep servers off hosts that an operator disabled."""
    return Demand(root_forbidden=frozenset({DISABLED}))
