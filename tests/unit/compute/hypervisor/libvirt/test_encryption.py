from __future__ import annotations

from pathlib import Path

import pytest

from nova_clone.compute.hypervisor.libvirt.capabilities import DomainCapabilities, SevCapabilities
from nova_clone.compute.hypervisor.libvirt.encryption import encryption
from nova_clone.domain.memory_encryption import EncryptionModel

SEV, SEV_ES = EncryptionModel.AMD_SEV, EncryptionModel.AMD_SEV_ES
DOMAIN = DomainCapabilities(
    sev=SevCapabilities(cbitpos=47, reduced_phys_bits=1, guests=495, es_guests=15)
)


def found(
    path: Path,
    kernel: dict[str, str],
    *,
    domain: DomainCapabilities = DOMAIN,
    virt_type: str = "kvm",
    most: int | None = None,
) -> dict[EncryptionModel, int]:
    for name, value in kernel.items():
        (path / name).write_text(f"{value}\n")
    made = encryption(domain, virt_type=virt_type, most=most, parameters=path)
    if made is None:
        return {}
    assert (made.cbitpos, made.reduced_phys_bits) == (47, 1)
    return dict(made.guests)


@pytest.mark.parametrize(
    ("kernel", "most", "expected"),
    [
        ({"sev": "Y", "sev_es": "Y"}, None, {SEV: 495, SEV_ES: 15}),
        ({"sev": "1", "sev_es": "N"}, None, {SEV: 495}),
        ({"sev": "Y"}, 20, {SEV: 20}),
        ({"sev": "Y", "sev_es": "Y"}, 0, {SEV_ES: 15}),
        ({"sev": "N", "sev_es": "Y"}, None, {}),
        ({"sev": "0"}, None, {}),
        ({}, None, {}),
    ],
)
def test_kernel_and_processor_must_both_be_able(
    tmp_path: Path,
    kernel: dict[str, str],
    most: int | None,
    expected: dict[EncryptionModel, int],
) -> None:
    assert found(tmp_path, kernel, most=most) == expected


def test_no_more_guests_than_the_processor_has_keys_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert found(tmp_path, {"sev": "Y"}, most=1000) == {SEV: 495}
    assert "num_memory_encrypted_guests = 1000" in caplog.text


def test_keys_may_all_be_for_guests_with_encrypted_registers(tmp_path: Path) -> None:
    told = SevCapabilities(cbitpos=47, reduced_phys_bits=1, es_guests=15)
    kernel = {"sev": "Y", "sev_es": "Y"}
    assert found(tmp_path, kernel, domain=DomainCapabilities(sev=told)) == {SEV_ES: 15}


def test_emulated_processors_encrypt_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, {"sev": "Y"}, virt_type="qemu") == {}
    assert found(tmp_path, {"sev": "Y"}, domain=DomainCapabilities()) == {}
