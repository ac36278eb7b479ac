"""Sound over virtio."""

from __future__ import annotations

from nova_clone.scheduler.prefilters.base import Ask, Demand, root_traits
from nova_clone.scheduler.wishes import agreed, wishes_of

#: What libvirt can show a guest as a sound card.
MODELS = ("sb16", "es1370", "pcspk", "ac97", "ich6", "ich9", "usb", "virtio")


def virtio_sound(ask: Ask) -> Demand | None:
    """Keep a server with a virtio sound device to hosts that have one."""
    if agreed(wishes_of(ask.spec), "sound_model", *MODELS) != "virtio":
        return None
    return root_traits("COMPUTE_SOUND_MODEL_VIRTIO")
