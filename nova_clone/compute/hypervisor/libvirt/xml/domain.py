"""The XML of a whole guest."""

from __future__ import annotations

from nova_clone.compute.hypervisor.libvirt.xml import (
    binding,
    cpu,
    devices,
    disks,
    encryption,
    interfaces,
    machine,
    metadata,
)
from nova_clone.compute.hypervisor.libvirt.xml.request import DomainRequest
from nova_clone.compute.hypervisor.libvirt.xml.tree import Element, document, element


def domain_xml(request: DomainRequest) -> str:
    """Return the description of a guest for libvirt.

    Raises Invalid for properties that no host can satisfy, TryElsewhere and NotSupported
    for what this one cannot.
    """
    server = request.server
    parts = [
        element("name", text=domain_name(request)),
        element("uuid", text=server.id),
        metadata.metadata_of(request),
        element("memory", {"unit": "KiB"}, text=server.flavor.ram * 1024),
        binding.memory_backing(request),
        binding.vcpu(request),
        binding.cpu_tuning(request),
        binding.memory_tuning(request),
        machine.sysinfo(request),
        machine.boot(request),
        machine.features(request),
        cpu.cpu(request),
        machine.clock(request),
        element("on_poweroff", text="destroy"),
        element("on_reboot", text="restart"),
        element("on_crash", text="destroy"),
        _devices(request),
        encryption.launch_security(request),
    ]
    return document(element("domain", {"type": request.host.virt_type}, parts))


def domain_name(request: DomainRequest) -> str:
    """Return libvirt's name of a guest."""
    return request.server.instance_name or request.server.id


def _devices(request: DomainRequest) -> Element:
    parts = [
        *disks.disks(request),
        *interfaces.interfaces(request),
        *binding.host_devices(request),
        *devices.devices(request),
    ]
    return element("devices", children=parts)
