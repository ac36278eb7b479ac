"""The machine of a guest: what it boots, its firmware's tables, features and clock."""

from __future__ import annotations

from nova_clone.compute.hypervisor.libvirt.storage.disks import KERNEL, RAMDISK
from nova_clone.compute.hypervisor.libvirt.xml.request import DomainRequest
from nova_clone.compute.hypervisor.libvirt.xml.tree import Element, element
from nova_clone.domain.errors import NotSupported

#: How guests recognise the cloud they run in (cloud-init, ds-identify).
_MANUFACTURER = "OpenStack Foundation"
_PRODUCT = "OpenStack Nova"
_X86 = frozenset({"x86_64", "i686"})


def sysinfo(request: DomainRequest) -> Element | None:
    """Return the ``<sysinfo>`` that a guest's firmware shows."""
    if request.host.arch not in _X86:
        return None
    entries = {
        "manufacturer": _MANUFACTURER,
        "product": _PRODUCT,
        "serial": _serial(request),
        "uuid": request.server.id,
        "family": "Virtual Machine",
    }
    parts = [
        element("entry", {"name": name}, text=value)
        for name, value in entries.items()
        if value is not None
    ]
    return element("sysinfo", {"type": "smbios"}, [element("system", children=parts)])


def _serial(request: DomainRequest) -> str | None:
    if request.settings.serial_source == "unique":
        return request.server.id
    return request.host.serial


def boot(request: DomainRequest) -> Element:
    """Return the ``<os>`` of a guest; raises NotSupported without the firmware it needs."""
    efi = request.choice("hw_firmware_type", ("bios", "uefi"), "bios") == "uefi"
    if efi and not request.host.efi:
        raise NotSupported("This host has no UEFI firmware for guests.")
    kind = {"arch": request.host.arch, "machine": request.machine}
    cdrom = any(disk.role == "root" and disk.device == "cdrom" for disk in request.disks)
    parts = [element("type", kind, text="hvm"), *_kernel(request)]
    parts.append(element("boot", {"dev": "cdrom" if cdrom else "hd"}))
    if request.host.arch in _X86:
        parts.append(element("smbios", {"mode": "sysinfo"}))
    if request.wants("hw_boot_menu"):
        parts.append(element("bootmenu", {"enable": "yes"}))
    return element("os", {"firmware": "efi" if efi else None}, parts)


def _kernel(request: DomainRequest) -> list[Element]:
    server, directory = request.server, request.directory
    if not server.kernel_id:
        return []
    parts = [element("kernel", text=directory / KERNEL)]
    if server.ramdisk_id:
        parts.append(element("initrd", text=directory / RAMDISK))
    words = request.properties.get("os_command_line") or "root=/dev/vda console=tty0 console=ttyS0"
    return [*parts, element("cmdline", text=words)]


def features(request: DomainRequest) -> Element:
    """Return the ``<features>`` of a guest."""
    parts = [element("acpi"), element("apic")]
    if request.host.arch in _X86:
        parts.append(element("vmcoreinfo", {"state": "on"}))
    if request.wants("img_hide_hypervisor_id"):
        parts.append(element("kvm", children=[element("hidden", {"state": "on"})]))
    elif _is_windows(request) and request.host.virt_type == "kvm":
        parts.append(_hyperv())
    if request.binding.realtime:
        # Its interrupts would delay what is done in real time.
        parts.append(element("pmu", {"state": "off"}))
    return element("features", children=parts)


def _hyperv() -> Element:
    return element(
        "hyperv",
        children=[
            element("relaxed", {"state": "on"}),
            element("vapic", {"state": "on"}),
            element("spinlocks", {"state": "on", "retries": 8191}),
            element("vpindex", {"state": "on"}),
            element("runtime", {"state": "on"}),
            element("synic", {"state": "on"}),
            element("reset", {"state": "on"}),
            element("frequencies", {"state": "on"}),
        ],
    )


def clock(request: DomainRequest) -> Element:
    """Return the ``<clock>`` of a guest."""
    windows = _is_windows(request)
    hpet = "yes" if request.wants("hw_time_hpet") else "no"
    timers = []
    if request.host.arch in _X86:
        timers = [
            element("timer", {"name": "pit", "tickpolicy": "delay"}),
            element("timer", {"name": "rtc", "tickpolicy": "catchup"}),
            element("timer", {"name": "hpet", "present": hpet}),
        ]
        if windows and request.host.virt_type == "kvm":
            timers.append(element("timer", {"name": "hypervclock", "present": "yes"}))
    return element("clock", {"offset": "localtime" if windows else "utc"}, timers)


def _is_windows(request: DomainRequest) -> bool:
    return request.properties.get("os_type") == "windows"
