"""Packed virtio rings."""

from __future__ import annotations

from nova_clone.scheduler.prefilters.base import Ask, Demand, root_traits
from nova_clone.scheduler.wishes import wishes_of


def packed_virtqueue(ask: Ask) -> Demand | None:
    """Keep a server with ``hw:virtio_packed_ring`` to hosts that have it."""
    if not wishes_of(ask.spec).either_flag("virtio_packed_ring"):
        return None
    return root_traits("COMPUTE_NET_VIRTIO_PACKED")
