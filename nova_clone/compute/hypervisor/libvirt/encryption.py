"""How many guests with encrypted memory this host can have.

Source: libvirt's "Launch security with AMD SEV" and "Domain capabilities XML format".
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from pathlib import Path

from nova_clone.compute.hypervisor.libvirt.capabilities import DomainCapabilities
from nova_clone.domain.memory_encryption import EncryptionModel

LOG = logging.getLogger(__name__)

PARAMETERS = Path("/sys/module/kvm_amd/parameters")
_ON = frozenset({"1", "y"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Encryption:
    """What the processor needs to be told of encrypted guests, and how many it can have."""

    cbitpos: int
    reduced_phys_bits: int
    guests: Mapping[EncryptionModel, int]


def encryption(
    domain: DomainCapabilities,
    *,
    virt_type: str,
    most: int | None,
    parameters: Path = PARAMETERS,
) -> Encryption | None:
    """Return how this host encrypts memory, ``None`` when it does not.

    `most` lowers the number of guests with SEV; `parameters` are those of the kernel.
    """
    told = domain.sev
    # Emulated processors encrypt nothing, whatever the real one can.
    if told is None or virt_type != "kvm" or not _is_on(parameters / "sev"):
        return None
    found = {EncryptionModel.AMD_SEV: _lowered(told.guests, most)}
    if _is_on(parameters / "sev_es"):
        found[EncryptionModel.AMD_SEV_ES] = told.es_guests
    return Encryption(
        cbitpos=told.cbitpos,
        reduced_phys_bits=told.reduced_phys_bits,
        guests={model: count for model, count in found.items() if count > 0},
    )


def _is_on(parameter: Path) -> bool:
    try:
        return parameter.read_text().strip().lower() in _ON
    except OSError:
        return False


def _lowered(there: int, most: int | None) -> int:
    if most is None:
        return there
    if most > there:
        LOG.warning(
            "[libvirt] num_memory_encrypted_guests = %d, but the processor has keys for %d guests",
            most,
            there,
        )
    return min(most, there)
