from __future__ import annotations

from pathlib import Path

import pytest

from nova_clone.compute.hypervisor.libvirt.capabilities import (
    DomainCapabilities,
    SevCapabilities,
    domain_capabilities,
    features_of,
    host_capabilities,
    processor_virtualises,
)
from nova_clone.compute.hypervisor.libvirt.traits import (
    CAPABILITIES,
    device_traits,
    processor_traits,
)

HOST = """<capabilities><host>
<uuid>e2513d74-b35e-47e8-a6cc-84c974ba1256</uuid>
<cpu><arch>x86_64</arch><model>Broadwell</model><vendor>Intel</vendor>
<topology sockets='1' dies='1' cores='2' threads='4'/>
<feature name='vmx'/><feature name='aes'/></cpu>
<topology><cells num='1'><cell id='0'/></cells></topology></host>
<guest><os_type>hvm</os_type><arch name='i686'><machine>pc</machine>
<domain type='qemu'/></arch></guest>
<guest><os_type>hvm</os_type><arch name='x86_64'><machine>pc</machine><machine>q35</machine>
<domain type='qemu'/><domain type='kvm'/></arch></guest>
<guest><os_type>hvm</os_type><arch name='s390x'><machine>z</machine>
<domain type='qemu'/></arch></guest>
</capabilities>"""

DOMAIN = """<domainCapabilities><arch>x86_64</arch>
<os><enum name='firmware'><value>bios</value><value>efi</value></enum></os>
<cpu><mode name='host-passthrough' supported='no'/>
<mode name='host-model' supported='yes'><model fallback='forbid'>EPYC</model><vendor>AMD</vendor>
<feature policy='require' name='aes'/><feature policy='disable' name='vme'/></mode></cpu>
<devices><disk><enum name='bus'><value>virtio</value><value>ide</value></enum></disk>
<video><enum name='modelType'><value>vga</value></enum></video></devices></domainCapabilities>"""


SEV = """<sev supported='yes'><cbitpos>47</cbitpos><reducedPhysBits>1</reducedPhysBits>
<maxGuests>495</maxGuests><maxESGuests>15</maxESGuests></sev>"""


def test_a_host_tells_what_it_is() -> None:
    found = host_capabilities(HOST)
    assert found.uuid == "e2513d74-b35e-47e8-a6cc-84c974ba1256"
    assert found.arch == "x86_64"
    assert found.machines == {"pc", "q35"}
    assert found.cpu_info == {
        "arch": "x86_64",
        "model": "Broadwell",
        "vendor": "Intel",
        "topology": {"cells": 1, "sockets": 1, "cores": 2, "threads": 4},
        "features": ["aes", "vmx"],
    }
    assert found.supported == (
        ("i686", "qemu", "hvm"),
        ("x86_64", "qemu", "hvm"),
        ("x86_64", "kvm", "hvm"),
    )
    assert found.offers("kvm")
    assert not found.offers("lxc")


def test_a_kind_of_guest_tells_what_it_can_have() -> None:
    found = domain_capabilities(DOMAIN)
    assert found.efi
    assert found.disk_buses == ("virtio", "ide")
    assert found.video_models == ("vga",)
    assert found.host_model is not None
    assert '<model fallback="forbid">EPYC</model>' in found.host_model
    assert features_of(found.host_model) == {"aes"}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            SEV,
            SevCapabilities(cbitpos=47, reduced_phys_bits=1, guests=495, es_guests=15),
        ),
        (
            "<sev supported='yes'><cbitpos>51</cbitpos><reducedPhysBits>5</reducedPhysBits></sev>",
            SevCapabilities(cbitpos=51, reduced_phys_bits=5),
        ),
        ("<sev supported='no'/>", None),
        ("", None),
    ],
)
def test_a_kind_of_guest_tells_how_its_memory_can_be_encrypted(
    told: str, expected: SevCapabilities | None
) -> None:
    document = f"<domainCapabilities><features>{told}</features></domainCapabilities>"
    assert domain_capabilities(document).sev == expected


def test_a_kind_of_guest_may_tell_little() -> None:
    assert domain_capabilities("<domainCapabilities/>") == DomainCapabilities()


def test_a_document_cannot_read_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    document = (
        f'<!DOCTYPE c [<!ENTITY x SYSTEM "file://{secret}">]>'
        "<capabilities><host><uuid>&x;</uuid></host></capabilities>"
    )
    assert host_capabilities(document).uuid == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor : 0\nflags\t\t: fpu vmx sse\n", True),
        ("flags : fpu svm\n", True),
        ("flags : fpu sse\n", False),
        ("", False),
    ],
)
def test_a_processor_can_virtualise_or_not(tmp_path: Path, text: str, *, expected: bool) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    assert processor_virtualises(path) is expected


def test_features_of_processors_have_traits() -> None:
    features = ["pni", "sse4.1", "sse4_2", "avx512f", "avx512-vpopcntdq", "svm", "nonsense"]
    assert processor_traits(features) == {
        "HW_CPU_X86_SSE3",
        "HW_CPU_X86_SSE41",
        "HW_CPU_X86_SSE42",
        "HW_CPU_X86_AVX512F",
        "HW_CPU_X86_AVX512VPOPCNTDQ",
        "HW_CPU_X86_SVM",
        "HW_CPU_X86_AMD_SVM",
    }


def test_devices_have_traits() -> None:
    found = device_traits("x86_64", domain_capabilities(DOMAIN))
    assert {
        "COMPUTE_ARCH_X86_64",
        "COMPUTE_FIRMWARE_UEFI",
        "COMPUTE_STORAGE_BUS_IDE",
        "COMPUTE_GRAPHICS_MODEL_VGA",
        "COMPUTE_NET_VIF_MODEL_VIRTIO",
    } <= found
    assert "COMPUTE_GRAPHICS_MODEL_QXL" not in found


def test_every_capability_is_a_trait() -> None:
    import os_traits

    assert set(CAPABILITIES) <= set(os_traits.get_traits("COMPUTE_"))
