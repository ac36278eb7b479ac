"""Features of the guest that not every host has: resources and traits for them.

Source: Nova's admin guide (SEV, emulated TPM, secure boot, persistent memory, maximum
physical address bits) and os-traits.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from nova_clone.domain.errors import Invalid
from nova_clone.domain.memory_encryption import MEM_ENCRYPTION_CONTEXT, wanted
from nova_clone.domain.resources import RequestGroup
from nova_clone.domain.topology.wishes import Wishes
from nova_clone.scheduler.requests.draft import Draft
from nova_clone.scheduler.wishes import agreed, one_of

#: A context and the trait of its kind must come from one provider.
MEM_ENCRYPTION_GROUP: Final = "_MEM_ENCRYPTION"
_TPM_VERSIONS: Final = {"1.2": "COMPUTE_SECURITY_TPM_1_2", "2.0": "COMPUTE_SECURITY_TPM_2_0"}
_TPM_MODELS: Final = {
    "tpm-tis": "COMPUTE_SECURITY_TPM_TIS",
    "tpm-crb": "COMPUTE_SECURITY_TPM_CRB",
}
_ADDRESS_SPACES: Final = {
    "passthrough": "COMPUTE_ADDRESS_SPACE_PASSTHROUGH",
    "emulate": "COMPUTE_ADDRESS_SPACE_EMULATED",
}
_SECURE_BOOT: Final = ("required", "optional", "disabled")
_LABEL: Final = re.compile(r"[a-zA-Z0-9_]{1,60}")


def add(draft: Draft, wishes: Wishes) -> None:
    """Ask for what the guest's features need; raises `Invalid`."""
    _memory_encryption(draft, wishes)
    _tpm(draft, wishes)
    _firmware(draft, wishes)
    _persistent_memory(draft, wishes)
    mode = agreed(wishes, "maxphysaddr_mode", *_ADDRESS_SPACES)
    if mode is not None:
        draft.group().require(_ADDRESS_SPACES[mode])


def _memory_encryption(draft: Draft, wishes: Wishes) -> None:
    model = wanted(wishes.flavor, wishes.image)
    if model is not None and draft.amount(MEM_ENCRYPTION_CONTEXT) is None:
        draft.carried.append(
            RequestGroup(
                suffix=MEM_ENCRYPTION_GROUP,
                resources={MEM_ENCRYPTION_CONTEXT: 1},
                required=(frozenset({model.trait}),),
            )
        )


def _tpm(draft: Draft, wishes: Wishes) -> None:
    version = agreed(wishes, "tpm_version", *_TPM_VERSIONS)
    model = agreed(wishes, "tpm_model", *_TPM_MODELS)
    if version is None:
        if model is not None:
            raise Invalid("hw:tpm_model needs hw:tpm_version.")
        return
    if model == "tpm-crb" and version != "2.0":
        raise Invalid("hw:tpm_model=tpm-crb needs hw:tpm_version=2.0.")
    draft.group().require(_TPM_VERSIONS[version])
    if model is not None:
        draft.group().require(_TPM_MODELS[model])


def _firmware(draft: Draft, wishes: Wishes) -> None:
    ours = wishes.flavor.extra_specs.get("os:secure_boot")
    theirs = wishes.image.get("os_secure_boot")
    if one_of("os:secure_boot", ours, theirs, allowed=_SECURE_BOOT) == "required":
        draft.group().require("COMPUTE_SECURITY_UEFI_SECURE_BOOT")
    # Only an image knows whether its guest can do without firmware variables.
    if wishes.of_image("firmware_stateless") and wishes.either_flag("firmware_stateless"):
        if wishes.of_image("firmware_type") != "uefi":
            raise Invalid("hw_firmware_stateless needs hw_firmware_type=uefi.")
        draft.group().require("COMPUTE_SECURITY_STATELESS_FIRMWARE")


def _persistent_memory(draft: Draft, wishes: Wishes) -> None:
    asked = wishes.of_flavor("pmem")
    if asked is None:
        return
    labels = [label.strip() for label in asked.split(",")]
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise Invalid(f"hw:pmem must be a list of labels, not {asked[:40]!r}.")
    amounts = draft.group().amounts
    for label, count in Counter(labels).items():
        name = f"CUSTOM_PMEM_NAMESPACE_{label.upper()}"
        amounts[name] = amounts.get(name, 0) + count
