"""What a guest with encrypted memory is described with besides.

Source: libvirt's "Launch security with AMD SEV": devices go through windows
that the guest opens, and network devices have no boot code of their own.
"""

from __future__ import annotations

from nova_clone.compute.hypervisor.libvirt.xml.request import DomainRequest
from nova_clone.compute.hypervisor.libvirt.xml.tree import Element, element
from nova_clone.domain.errors import NotSupported
from nova_clone.domain.memory_encryption import EncryptionModel

#: No debugging, no other guest with the same key, no move to a platform without SEV or out of
#: the domain: bits 0, 1, 4 and 5.
_POLICY = 0x33
#: Bit 2 asks for the encryption of registers.
_POLICIES = {EncryptionModel.AMD_SEV: _POLICY, EncryptionModel.AMD_SEV_ES: _POLICY | 0x4}


def launch_security(request: DomainRequest) -> Element | None:
    """Return the ``<launchSecurity>`` of a guest; raises NotSupported when it cannot be here."""
    model = request.encryption
    if model is None:
        return None
    host = request.host.encryption
    if host is None or model not in host.guests:
        raise NotSupported(f"This host has no guests with {model.value}.")
    if not request.is_q35:
        raise NotSupported("This host has no q35 machines for guests that name none.")
    parts = [
        element("cbitpos", text=host.cbitpos),
        element("reducedPhysBits", text=host.reduced_phys_bits),
        element("policy", text=f"{_POLICIES[model]:#06x}"),
    ]
    return element("launchSecurity", {"type": "sev"}, parts)


def driver(request: DomainRequest) -> Element | None:
    """Return the ``<driver>`` of a virtio device that would need none otherwise."""
    return element("driver", request.virtio) if request.virtio else None
