"""Guests whose memory the host's processor encrypts: who wants it, and what a host has of it.

Source: the administrator guide "AMD SEV" and the specification "libvirt driver launching
instances with memory encryption by AMD SEV-ES".
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

from nova_clone.domain.errors import Invalid
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.host import Component
from nova_clone.domain.resources import Inventory
from nova_clone.domain.topology.wishes import Wishes

MEM_ENCRYPTION_CONTEXT: Final = "MEM_ENCRYPTION_CONTEXT"


class EncryptionModel(enum.Enum):
    """How memory is encrypted, as ``hw:mem_encryption_model`` names it."""

    AMD_SEV = "amd-sev"
    AMD_SEV_ES = "amd-sev-es"
    AMD_SEV_SNP = "amd-sev-snp"

    @property
    def trait(self) -> str:
        """Return the trait of providers that have contexts of this kind."""
        return f"HW_CPU_X86_{self.name}"


def wanted(flavor: Flavor, image_properties: Mapping[str, str]) -> EncryptionModel | None:
    """Return how a guest's memory is to be encrypted, ``None`` for not at all.

    Raises `Invalid` when flavor and image differ, and for guests that cannot have it: they
    need UEFI and a q35 machine. Where an image names no machine, the host does.
    """
    wishes = Wishes(flavor=flavor, image=image_properties)
    ours, theirs = wishes.choice("mem_encryption_model", EncryptionModel)
    if ours is not None and theirs is not None and ours is not theirs:
        raise Invalid(
            f"The image's hw_mem_encryption_model={theirs.value} contradicts the flavor's"
            f" hw:mem_encryption_model={ours.value}."
        )
    if not wishes.either_flag("mem_encryption"):
        if ours or theirs:
            raise Invalid("A mem_encryption_model needs mem_encryption in flavor or image.")
        return None
    if wishes.of_image("firmware_type") != "uefi":
        raise Invalid("Memory encryption needs an image with hw_firmware_type=uefi.")
    machine = wishes.of_image("machine_type")
    if machine is not None and "q35" not in machine:
        raise Invalid(f"Memory encryption needs a q35 machine, not hw_machine_type={machine[:40]}.")
    return ours or theirs or EncryptionModel.AMD_SEV


def contexts(hostname: str, guests: Mapping[EncryptionModel, int]) -> tuple[Component, ...]:
    """Return what Placement is told of a host that has room for so many encrypted guests."""
    return tuple(
        Component(
            name=f"{hostname}_{model.name.lower()}",
            inventories={MEM_ENCRYPTION_CONTEXT: Inventory(total=total, max_unit=1)},
            traits=(model.trait,),
        )
        for model, total in guests.items()
        if total > 0
    )
