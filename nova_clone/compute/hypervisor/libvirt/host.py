"""What this host has: asked of libvirt and of the kernel."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import libvirt

from nova_clone.compute.hypervisor.libvirt import capabilities, traits
from nova_clone.compute.hypervisor.libvirt.capabilities import (
    DomainCapabilities,
    HostCapabilities,
)
from nova_clone.compute.hypervisor.libvirt.connection import Connection
from nova_clone.compute.hypervisor.libvirt.encryption import encryption
from nova_clone.compute.hypervisor.libvirt.mediated import mediated_parents
from nova_clone.compute.hypervisor.libvirt.pci import pci_devices, unmanaged_devices
from nova_clone.compute.hypervisor.libvirt.settings import LibvirtSettings
from nova_clone.compute.hypervisor.libvirt.storage import files
from nova_clone.compute.hypervisor.libvirt.storage.disks import Disks
from nova_clone.compute.hypervisor.libvirt.topology import host_topology
from nova_clone.compute.hypervisor.libvirt.xml.request import HostFacts
from nova_clone.domain.errors import Invalid
from nova_clone.domain.hardware import Hardware
from nova_clone.domain.host import HostResources
from nova_clone.domain.memory_encryption import contexts
from nova_clone.domain.pci.device import pools
from nova_clone.domain.resources import DISK_GB, MEMORY_MB, PCPU, VCPU, Inventory
from nova_clone.domain.topology.host import HostTopology

LOG = logging.getLogger(__name__)

#: The oldest libvirt and QEMU that this driver works with.
OLDEST_LIBVIRT = 8_000_000
OLDEST_QEMU = 6_002_000
FIRST_LIBVIRT_WITH_IGB = 9_003_000
FIRST_QEMU_WITH_IGB = 8_000_000

_GIB = 1024**3
_MACHINE_ID = Path("/etc/machine-id")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Probed:
    """What stays as it is while libvirtd runs. ``name`` is the host's own."""

    name: str
    kind: str
    version: int
    capabilities: HostCapabilities
    domain: DomainCapabilities
    facts: HostFacts
    traits: tuple[str, ...]

    @property
    def topology(self) -> HostTopology | None:
        """Return the NUMA cells of the host, if it tells of any."""
        return self.facts.topology


def probe(connection: Connection, settings: LibvirtSettings) -> Probed:
    """Look at the host. Raises Invalid when its libvirt or QEMU is too old."""

    def ask(libvirtd: Any) -> tuple[int, int, str, str, str]:
        return (
            libvirtd.getLibVersion(),
            libvirtd.getVersion(),
            libvirtd.getType(),
            libvirtd.getHostname(),
            libvirtd.getCapabilities(),
        )

    own, qemu, kind, name, document = connection.call(ask, timeout=settings.long_timeout)
    _check_version("libvirt", own, OLDEST_LIBVIRT)
    _check_version("QEMU", qemu, OLDEST_QEMU)
    host = capabilities.host_capabilities(document)
    virt_type = _virt_type(host, settings)
    domain, features = _guests(connection, host, virt_type)
    topology = host_topology(document, settings.division)
    facts = HostFacts(
        arch=host.arch,
        virt_type=virt_type,
        machines=host.machines,
        efi=domain.efi,
        direct_io=files.takes_direct_io(settings.instances_path),
        serial=_serial(host, settings.serial_source),
        encryption=encryption(domain, virt_type=virt_type, most=settings.encrypted_guests),
        topology=topology,
    )
    names = traits.processor_traits(features) | traits.device_traits(host.arch, domain)
    if own >= FIRST_LIBVIRT_WITH_IGB and qemu >= FIRST_QEMU_WITH_IGB:
        names.add("COMPUTE_NET_VIF_MODEL_IGB")
    return Probed(
        name=name,
        kind=kind,
        version=qemu,
        capabilities=host,
        domain=domain,
        facts=facts,
        traits=tuple(sorted(names)),
    )


def _check_version(name: str, found: int, oldest: int) -> None:
    if found < oldest:
        raise Invalid(f"{name} {_spoken(found)} is older than {_spoken(oldest)}.")


def _spoken(version: int) -> str:
    return f"{version // 1_000_000}.{version // 1000 % 1000}.{version % 1000}"


def _virt_type(host: HostCapabilities, settings: LibvirtSettings) -> str:
    wanted = settings.virt_type
    able = host.offers(wanted)
    if wanted == "kvm" and able and host.arch in ("x86_64", "i686"):
        able = capabilities.processor_virtualises()
    if able:
        return wanted
    if wanted == "kvm" and host.offers("qemu"):
        LOG.warning("this host has no hardware virtualisation: guests are emulated, slowly")
        return "qemu"
    raise Invalid(f"This host has no guests of the type {wanted}.")


def _guests(
    connection: Connection, host: HostCapabilities, virt_type: str
) -> tuple[DomainCapabilities, frozenset[str]]:
    """Return what guests can have, and the features of their processors."""

    def ask(libvirtd: Any) -> tuple[DomainCapabilities, frozenset[str]]:
        document = libvirtd.getDomainCapabilities(None, host.arch, None, virt_type)
        domain = capabilities.domain_capabilities(document)
        if domain.host_model is None:
            return domain, frozenset()
        try:
            expanded = libvirtd.baselineHypervisorCPU(
                None,
                host.arch,
                None,
                virt_type,
                [domain.host_model],
                libvirt.VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES,
            )
        except libvirt.libvirtError as error:
            LOG.warning("the features of guests' processors are not known: %s", error)
            return domain, frozenset()
        return domain, capabilities.features_of(expanded)

    return connection.call(ask, timeout=300.0)


def _serial(host: HostCapabilities, source: str) -> str | None:
    machine_id = None
    if source in ("os", "auto") and _MACHINE_ID.exists():
        machine_id = _MACHINE_ID.read_text().strip() or None
    if source == "os":
        return machine_id
    if source in ("hardware", "auto"):
        return machine_id or host.uuid
    return None


def resources(
    connection: Connection, settings: LibvirtSettings, probed: Probed, disks: Disks
) -> HostResources:
    """Return what the host has now."""
    info = connection.call(lambda libvirtd: libvirtd.getInfo())
    devices = _devices(connection, settings)
    space = os.statvfs(settings.instances_path)
    local = space.f_blocks * space.f_frsize // _GIB
    free = space.f_bavail * space.f_frsize
    name, encrypts = _hypervisor_hostname(settings, probed), probed.facts.encryption
    return HostResources(
        hypervisor_hostname=name,
        uuid=settings.node_uuid,
        hypervisor_type=probed.kind,
        hypervisor_version=probed.version,
        host_ip=settings.my_ip,
        cpu_info=probed.capabilities.cpu_info,
        inventories=_inventories(
            _processors(settings, probed, there=info[2]), memory=_memory(info[1]), local=local
        ),
        traits=probed.traits,
        supported=_supported(probed),
        disk_available_least=(free - disks.promised()) // _GIB,
        uptime=_uptime(),
        hardware=Hardware(
            topology=probed.topology, pci=pools(pci_devices(devices), settings.device_specs)
        ),
        mediated=mediated_parents(devices) if settings.splits_devices else (),
        components=() if encrypts is None else contexts(name, encrypts.guests),
    )


def _hypervisor_hostname(settings: LibvirtSettings, probed: Probed) -> str:
    # Several hosts on one machine have names of their own, and must differ here too.
    same = settings.host in (probed.name, socket.gethostname(), socket.getfqdn())
    return probed.name if same else settings.host


def _processors(settings: LibvirtSettings, probed: Probed, *, there: int) -> dict[str, int]:
    """Return how many processors the host shares out and how many it gives away."""
    if probed.topology is None or not settings.division.configured:
        return {VCPU: there}
    return {VCPU: probed.topology.shared_cpus, PCPU: probed.topology.dedicated_cpus}


def _devices(connection: Connection, settings: LibvirtSettings) -> tuple[str, ...]:
    """Return what libvirt says of each device, when servers may have any."""
    if not settings.device_specs and not settings.splits_devices:
        return ()
    kinds = (
        libvirt.VIR_CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV
        | libvirt.VIR_CONNECT_LIST_NODE_DEVICES_CAP_NET
        | libvirt.VIR_CONNECT_LIST_NODE_DEVICES_CAP_MDEV
    )

    def ask(libvirtd: Any) -> tuple[str, ...]:
        found = (_description(device) for device in libvirtd.listAllDevices(kinds))
        return tuple(text for text in found if text is not None)

    return connection.call(ask, timeout=settings.long_timeout)


def unmanaged(connection: Connection, settings: LibvirtSettings) -> frozenset[str]:
    """Return the addresses of PCI devices that somebody else takes from the host's drivers."""
    return unmanaged_devices(_devices(connection, settings), settings.device_specs)


def _description(device: Any) -> str | None:
    try:
        return str(device.XMLDesc(0))
    except libvirt.libvirtError as error:
        # Devices come and go while they are listed.
        if error.get_error_code() == libvirt.VIR_ERR_NO_NODE_DEVICE:
            return None
        raise


def _inventories(processors: dict[str, int], *, memory: int, local: int) -> Mapping[str, Inventory]:
    totals = {**processors, MEMORY_MB: memory, DISK_GB: local}
    return {
        name: Inventory(total=total, max_unit=total) for name, total in totals.items() if total > 0
    }


def _memory(told: int) -> int:
    """Return the host's memory in MiB.

    With a balloon libvirt tells only what is plugged in at the moment.
    """
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name == "MemTotal":
                return max(told, int(rest.split()[0]) // 1024)
    except (OSError, ValueError) as error:
        LOG.debug("/proc/meminfo is not readable: %s", error)
    return told


def _supported(probed: Probed) -> tuple[tuple[str, str, str], ...]:
    kinds = ("kvm", "qemu") if probed.facts.virt_type == "kvm" else ("qemu",)
    return tuple(each for each in probed.capabilities.supported if each[1] in kinds)


def _uptime() -> str:
    seconds = int(float(Path("/proc/uptime").read_text().split()[0]))
    days, rest = divmod(seconds, 86400)
    hours, minutes = rest // 3600, rest % 3600 // 60
    up = f"{days} days, {hours}:{minutes:02d}" if days else f"{hours}:{minutes:02d}"
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    now = dt.datetime.now().astimezone()
    return f" {now:%H:%M:%S} up {up},  load average: {load}"
