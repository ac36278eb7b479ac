"""Devices that an image wants."""

from __future__ import annotations

from typing import Final

from nova_clone.scheduler.prefilters.base import Ask, Demand, known_trait, root_traits

#: What the traits for an image property begin with.
PREFIXES: Final = {
    "hw_architecture": "HW_ARCH",
    "hw_cdrom_bus": "COMPUTE_STORAGE_BUS",
    "hw_disk_bus": "COMPUTE_STORAGE_BUS",
    "hw_emulation_architecture": "COMPUTE_ARCH",
    "hw_video_model": "COMPUTE_GRAPHICS_MODEL",
    "hw_vif_model": "COMPUTE_NET_VIF_MODEL",
    "hw_viommu_model": "COMPUTE_VIOMMU_MODEL",
}


def image_metadata(ask: Ask) -> Demand | None:
    """Keep a server to hosts with the device models and buses that its image names."""
    if not ask.settings.image_metadata_prefilter:
        return None
    properties = ask.spec.image_properties
    return root_traits(
        *(
            known_trait(f"{prefix}_{properties[name].strip()}")
            for name, prefix in PREFIXES.items()
            if name in properties
        )
    )
