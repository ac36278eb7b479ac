"""From what a host can do to trait names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import os_traits

from nova_clone.compute.hypervisor.libvirt.capabilities import DomainCapabilities

#: What this driver does on every host, by trait.
CAPABILITIES: Mapping[str, bool] = {
    "COMPUTE_NODE": True,
    "COMPUTE_ACCELERATORS": False,
    "COMPUTE_ADDRESS_SPACE_EMULATED": False,
    "COMPUTE_ADDRESS_SPACE_PASSTHROUGH": False,
    "COMPUTE_CONFIG_DRIVE_REGENERATION": False,
    "COMPUTE_DEVICE_TAGGING": False,
    "COMPUTE_EPHEMERAL_ENCRYPTION": False,
    "COMPUTE_EPHEMERAL_ENCRYPTION_LUKS": False,
    "COMPUTE_EPHEMERAL_ENCRYPTION_PLAIN": False,
    "COMPUTE_IMAGE_TYPE_AKI": True,
    "COMPUTE_IMAGE_TYPE_AMI": True,
    "COMPUTE_IMAGE_TYPE_ARI": True,
    "COMPUTE_IMAGE_TYPE_ISO": True,
    "COMPUTE_IMAGE_TYPE_PLOOP": False,
    "COMPUTE_IMAGE_TYPE_QCOW2": True,
    "COMPUTE_IMAGE_TYPE_RAW": True,
    "COMPUTE_IMAGE_TYPE_VDI": False,
    "COMPUTE_IMAGE_TYPE_VHD": False,
    "COMPUTE_IMAGE_TYPE_VHDX": False,
    "COMPUTE_IMAGE_TYPE_VMDK": False,
    "COMPUTE_MEM_BACKING_FILE": False,
    "COMPUTE_MIGRATE_AUTO_CONVERGE": False,
    "COMPUTE_MIGRATE_POST_COPY": False,
    "COMPUTE_NET_ATTACH_INTERFACE": False,
    "COMPUTE_NET_ATTACH_INTERFACE_WITH_TAG": False,
    "COMPUTE_NET_VIRTIO_PACKED": False,
    "COMPUTE_REMOTE_MANAGED_PORTS": False,
    "COMPUTE_RESCUE_BFV": False,
    "COMPUTE_SAME_HOST_COLD_MIGRATE": False,
    "COMPUTE_SECURITY_STATELESS_FIRMWARE": False,
    "COMPUTE_SECURITY_TPM_1_2": False,
    "COMPUTE_SECURITY_TPM_2_0": False,
    "COMPUTE_SECURITY_TPM_CRB": False,
    "COMPUTE_SECURITY_TPM_TIS": False,
    "COMPUTE_SECURITY_UEFI_SECURE_BOOT": False,
    "COMPUTE_SHARE_LOCAL_FS": False,
    "COMPUTE_SOCKET_PCI_NUMA_AFFINITY": False,
    "COMPUTE_STORAGE_VIRTIO_FS": False,
    "COMPUTE_TRUSTED_CERTS": False,
    "COMPUTE_VOLUME_ATTACH_WITH_TAG": False,
    "COMPUTE_VOLUME_EXTEND": False,
    "COMPUTE_VOLUME_MULTI_ATTACH": False,
}
#: Network devices that QEMU can show to guests on x86, by the name in hw_vif_model.
VIF_MODELS = ("virtio", "e1000", "e1000e", "ne2k_pci", "pcnet", "rtl8139", "vmxnet3")

#: Features of processors whose traits have other names.
_UNLIKE = {
    "pni": ("SSE3",),
    "pclmuldq": ("CLMUL",),
    "pclmulqdq": ("CLMUL",),
    "aes": ("AESNI",),
    "bmi1": ("BMI",),
    "fma": ("FMA3",),
    "gfni": ("AVX512GFNI",),
    "hle": ("TSX",),
    "rtm": ("TSX",),
    "ibpb": ("AMD_IBPB",),
    "amd-no-ssb": ("AMD_NO_SSB",),
    "amd-ssbd": ("AMD_SSBD",),
    "virt-ssbd": ("AMD_VIRT_SSBD",),
    "lzcnt": ("ABM",),
    "md-clear": ("INTEL_MD_CLEAR",),
    "pcid": ("INTEL_PCID",),
    "sha-ni": ("SHA",),
    "spec-ctrl": ("INTEL_SPEC_CTRL",),
    "ssbd": ("INTEL_SSBD",),
    "svm": ("SVM", "AMD_SVM"),
    "vaes": ("AVX512VAES",),
    "vmx": ("VMX", "INTEL_VMX"),
    "vpclmulqdq": ("AVX512VPCLMULQDQ",),
}


def processor_traits(features: Iterable[str]) -> set[str]:
    """Return the traits of an x86 processor with these features."""
    prefix = "HW_CPU_X86_"
    possible = set(os_traits.get_traits(prefix))
    found = set()
    for feature in features:
        plain = feature.replace("-", "").replace(".", "").replace("_", "").upper()
        found |= {prefix + name for name in _UNLIKE.get(feature, (plain,))}
    return found & possible


def device_traits(arch: str, domain: DomainCapabilities) -> set[str]:
    """Return the traits that tell what the host is and which devices guests may have."""
    wanted = {f"HW_ARCH_{arch.upper()}", f"COMPUTE_ARCH_{arch.upper()}", "COMPUTE_FIRMWARE_BIOS"}
    if domain.efi:
        wanted.add("COMPUTE_FIRMWARE_UEFI")
    wanted |= {f"COMPUTE_STORAGE_BUS_{bus.upper()}" for bus in domain.disk_buses}
    wanted |= {f"COMPUTE_GRAPHICS_MODEL_{model.upper()}" for model in domain.video_models}
    wanted |= {f"COMPUTE_NET_VIF_MODEL_{model.upper()}" for model in VIF_MODELS}
    return wanted & {*os_traits.get_traits("COMPUTE_"), *os_traits.get_traits("HW_ARCH_")}
