"""Disk formats of images."""

from __future__ import annotations

from nova_clone.scheduler.prefilters.base import Ask, Demand, known_trait, root_traits


def image_type(ask: Ask) -> Demand | None:
    """Keep a server to hosts that can boot its image's disk format."""
    spec = ask.spec
    if not ask.settings.query_placement_for_image_type_support or spec.boots_from_volume:
        return None
    if spec.image_disk_format is None:
        return None
    return root_traits(known_trait(f"COMPUTE_IMAGE_TYPE_{spec.image_disk_format}"))
