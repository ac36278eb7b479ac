"""Encrypted local disks."""

from __future__ import annotations

from nova_clone.scheduler.prefilters.base import Ask, Demand, root_traits
from nova_clone.scheduler.wishes import agreed, wishes_of

_TRAIT = "COMPUTE_EPHEMERAL_ENCRYPTION"


def ephemeral_encryption(ask: Ask) -> Demand | None:
    """Keep a server to hosts that encrypt local disks, in the format that is asked for."""
    wishes = wishes_of(ask.spec)
    kind = agreed(wishes, "ephemeral_encryption_format", "plain", "luks", "luksv2")
    if not wishes.either_flag("ephemeral_encryption"):
        return None
    return root_traits(_TRAIT, kind and f"{_TRAIT}_{kind.upper()}")
