from __future__ import annotations

import os_resource_classes
import os_traits
import pytest

from nova_clone.domain.errors import Invalid
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.memory_encryption import (
    MEM_ENCRYPTION_CONTEXT,
    EncryptionModel,
    contexts,
    wanted,
)
from nova_clone.domain.placing import check_hardware

UEFI = {"hw_firmware_type": "uefi"}


def a_flavor(**extra_specs: str) -> Flavor:
    specs = {f"hw:{name}": value for name, value in extra_specs.items()}
    return Flavor(id="1", name="one", vcpus=1, ram=64, disk=1, extra_specs=specs)


@pytest.mark.parametrize(
    ("flavor", "image", "expected"),
    [
        ({}, {}, None),
        ({"mem_encryption": "false"}, {}, None),
        ({"mem_encryption": "true"}, UEFI, EncryptionModel.AMD_SEV),
        ({}, {**UEFI, "hw_mem_encryption": "yes"}, EncryptionModel.AMD_SEV),
        (
            {"mem_encryption": "true"},
            {**UEFI, "hw_mem_encryption_model": "amd-sev-es", "hw_machine_type": "pc-q35-7.2"},
            EncryptionModel.AMD_SEV_ES,
        ),
        (
            {"mem_encryption": "true", "mem_encryption_model": "amd-sev-snp"},
            {**UEFI, "hw_mem_encryption": "true", "hw_mem_encryption_model": "amd-sev-snp"},
            EncryptionModel.AMD_SEV_SNP,
        ),
    ],
)
def test_flavor_or_image_may_want_it(
    flavor: dict[str, str], image: dict[str, str], expected: EncryptionModel | None
) -> None:
    assert wanted(a_flavor(**flavor), image) is expected


@pytest.mark.parametrize(
    ("flavor", "image", "text"),
    [
        ({"mem_encryption": "true"}, {}, "hw_firmware_type=uefi"),
        ({"mem_encryption": "true"}, {"hw_firmware_type": "bios"}, "hw_firmware_type=uefi"),
        ({"mem_encryption": "true"}, {**UEFI, "hw_machine_type": "pc"}, "q35"),
        ({"mem_encryption": "true"}, {**UEFI, "hw_mem_encryption": "false"}, "contradicts"),
        ({"mem_encryption": "perhaps"}, UEFI, "yes or no"),
        ({"mem_encryption_model": "amd-sev"}, UEFI, "needs mem_encryption"),
        ({"mem_encryption": "true", "mem_encryption_model": "tdx"}, UEFI, "one of"),
        (
            {"mem_encryption": "true", "mem_encryption_model": "amd-sev"},
            {**UEFI, "hw_mem_encryption_model": "amd-sev-es"},
            "contradicts",
        ),
    ],
)
def test_what_no_guest_can_have_is_refused(
    flavor: dict[str, str], image: dict[str, str], text: str
) -> None:
    with pytest.raises(Invalid, match=text):
        check_hardware(a_flavor(**flavor), image)


def test_each_kind_has_a_provider_with_its_trait() -> None:
    some = {EncryptionModel.AMD_SEV: 495, EncryptionModel.AMD_SEV_ES: 15}
    found = contexts("host1", {**some, EncryptionModel.AMD_SEV_SNP: 0})
    assert [(each.name, each.traits) for each in found] == [
        ("host1_amd_sev", ("HW_CPU_X86_AMD_SEV",)),
        ("host1_amd_sev_es", ("HW_CPU_X86_AMD_SEV_ES",)),
    ]
    assert [each.inventories[MEM_ENCRYPTION_CONTEXT].total for each in found] == [495, 15]
    assert {each.inventories[MEM_ENCRYPTION_CONTEXT].max_unit for each in found} == {1}


def test_the_names_are_known() -> None:
    assert MEM_ENCRYPTION_CONTEXT in os_resource_classes.STANDARDS
    assert {each.trait for each in EncryptionModel} <= set(os_traits.get_traits())
