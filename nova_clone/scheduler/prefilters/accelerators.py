"""Accelerators."""

from __future__ import annotations

from nova_clone.scheduler.prefilters.base import Ask, Demand, root_traits


def accelerators(ask: Ask) -> Demand | None:
    """Keep a flavor with a device profile to hosts whose driver can attach accelerators."""
    if not ask.spec.flavor.extra_specs.get("accel:device_profile"):
        return None
    return root_traits("COMPUTE_ACCELERATORS")
