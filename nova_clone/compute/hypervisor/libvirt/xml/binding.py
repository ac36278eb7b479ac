"""What of the host a guest is held to: written for libvirt, and read from it.

Source: libvirt's documentation of the domain format, on CPU and NUMA tuning, memory backing
and host devices.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lxml import etree

from nova_clone.compute.hypervisor.libvirt.xml.request import DomainRequest
from nova_clone.compute.hypervisor.libvirt.xml.tree import Element, element
from nova_clone.domain.binding import Binding
from nova_clone.domain.errors import TryElsewhere
from nova_clone.domain.topology.cpuset import format_cpuset, parse_cpuset
from nova_clone.domain.topology.host import CellFit
from nova_clone.domain.topology.wishes import Wishes, locked_memory

#: Extra specs of flavors → elements of ``<cputune>``.
_CPU_QUOTAS = {
    "quota:cpu_shares": "shares",
    "quota:cpu_period": "period",
    "quota:cpu_quota": "quota",
}
_ADDRESS = re.compile(r"([0-9a-f]{4}):([0-9a-f]{2}):([01][0-9a-f])\.([0-7])")
_ADDRESS_PARTS = ("domain", "bus", "slot", "function")


def vcpu(request: DomainRequest) -> Element:
    """Return the ``<vcpu>`` of a guest."""
    cpus = request.binding.cpus
    where = {"placement": "static", "cpuset": cpus} if cpus else {}
    return element("vcpu", where, text=request.server.flavor.vcpus)


def cpu_tuning(request: DomainRequest) -> Element | None:
    """Return the ``<cputune>`` of a guest: its quotas, its processors on the host."""
    binding = request.binding
    quotas = {tag: request.extra_spec(name) for name, tag in _CPU_QUOTAS.items()}
    parts = [element(tag, text=value) for tag, value in quotas.items() if value is not None]
    parts += [
        element("vcpupin", {"vcpu": guest, "cpuset": cpus}) for guest, cpus in binding.pins.items()
    ]
    if binding.emulator:
        parts.append(element("emulatorpin", {"cpuset": binding.emulator}))
    if binding.realtime:
        priority = request.settings.cpu.realtime_priority
        scheduling = {"vcpus": binding.realtime, "scheduler": "fifo", "priority": priority}
        parts.append(element("vcpusched", scheduling))
    return element("cputune", children=parts) if parts else None


def memory_tuning(request: DomainRequest) -> Element | None:
    """Return the ``<numatune>`` of a guest: the host cells that its memory is on."""
    cells = request.binding.cells
    if not cells:
        return None
    every = {"mode": "strict", "nodeset": _union(cells.values())}
    each = (
        element("memnode", {"cellid": guest, "mode": "strict", "nodeset": host})
        for guest, host in cells.items()
    )
    return element("numatune", children=[element("memory", every), *each])


def memory_backing(request: DomainRequest) -> Element | None:
    """Return the ``<memoryBacking>`` of a guest: its huge pages, and whether they stay put."""
    binding = request.binding
    sizes = sorted(set(binding.pages.values()))
    pages = [
        element(
            "page",
            {
                "size": size,
                "unit": "KiB",
                "nodeset": format_cpuset(
                    cell for cell, found in binding.pages.items() if found == size
                ),
            },
        )
        for size in sizes
    ]
    wishes = Wishes(flavor=request.server.flavor, image=request.properties)
    realtime = bool(binding.realtime)
    # Encrypted memory cannot be moved: its address is part of the key.
    locked = realtime or locked_memory(wishes) or request.encryption is not None
    parts = [
        element("hugepages", children=pages) if pages else None,
        # Memory that the host merges or swaps out costs time when it is needed.
        element("nosharepages") if realtime else None,
        element("locked") if locked else None,
    ]
    return element("memoryBacking", children=parts) if any(p is not None for p in parts) else None


def numa(request: DomainRequest) -> Element | None:
    """Return the ``<numa>`` of a guest's ``<cpu>``: the cells that the guest sees."""
    fit = request.spec.placing.topology
    if fit is None:
        return None
    return element("numa", children=[_cell(cell) for cell in fit.cells])


def _cell(fit: CellFit) -> Element:
    cpus = parse_cpuset(fit.shared).union(fit.pinning)
    return element(
        "cell",
        {
            "id": fit.guest_cell,
            "cpus": format_cpuset(cpus),
            "memory": fit.memory_mb * 1024,
            "unit": "KiB",
        },
    )


def host_devices(request: DomainRequest) -> list[Element]:
    """Return the ``<hostdev>`` elements of a guest: the PCI devices that are its own."""
    return [_host_device(request, address) for address in request.binding.devices]


def _host_device(request: DomainRequest, address: str) -> Element:
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise TryElsewhere(f"{address} is no address of a PCI device.")
    parts = {name: f"0x{text}" for name, text in zip(_ADDRESS_PARTS, found.groups(), strict=True)}
    managed = "no" if address in request.unmanaged else "yes"
    return element(
        "hostdev",
        {"mode": "subsystem", "type": "pci", "managed": managed},
        [element("source", children=[element("address", parts)])],
    )


def binding_of(document: str) -> Binding:
    """Return what the guest of a description is held to."""
    root = etree.fromstring(document)
    tuning = {int(pin.get("vcpu", 0)): _cpus(pin) for pin in root.iterfind("cputune/vcpupin")}
    emulator = root.find("cputune/emulatorpin")
    processors = root.find("vcpu")
    nodes = root.iterfind("numatune/memnode")
    return Binding(
        cpus="" if processors is None else _cpus(processors),
        pins=dict(sorted(tuning.items())),
        emulator="" if emulator is None else _cpus(emulator),
        realtime=_union(each.get("vcpus", "") for each in root.iterfind("cputune/vcpusched")),
        cells={int(node.get("cellid", 0)): _union([node.get("nodeset", "")]) for node in nodes},
        pages=dict(sorted(_pages(root))),
        devices=tuple(sorted(_devices(root))),
    )


def _cpus(tag: Element) -> str:
    return _union([tag.get("cpuset", "")])


def _union(sets: Iterable[str]) -> str:
    return format_cpuset(number for text in sets for number in parse_cpuset(text))


def _pages(root: Element) -> Iterator[tuple[int, int]]:
    for page in root.iterfind("memoryBacking/hugepages/page"):
        for cell in parse_cpuset(page.get("nodeset", "")):
            yield cell, int(page.get("size", 0))


def _devices(root: Element) -> Iterator[str]:
    for address in root.iterfind("devices/hostdev[@type='pci']/source/address"):
        domain, bus, slot, function = (int(address.get(name, "0"), 16) for name in _ADDRESS_PARTS)
        yield f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"
