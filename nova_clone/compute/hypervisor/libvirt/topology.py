"""NUMA cells of a host, read from what libvirt says of it."""

from __future__ import annotations

from lxml import etree

from nova_clone.compute.hypervisor.libvirt.capabilities import parsed
from nova_clone.domain.topology.cpuset import format_cpuset, parse_cpuset
from nova_clone.domain.topology.division import Division
from nova_clone.domain.topology.host import HostCell, HostTopology, PagePool


def host_topology(document: str, division: Division) -> HostTopology | None:
    """Return the cells of a capabilities document; ``None`` when it tells of none.

    Raises `Invalid` when processors are divided that the host does not have.
    """
    found = parsed(document).findall("host/topology/cells/cell")
    cells = tuple(_cell(cell, division) for cell in found)
    division.check(frozenset[int]().union(*(_online(cell) for cell in found)))
    return HostTopology(cells=cells, pack=division.pack) if cells else None


def _cell(cell: etree._Element, division: Division) -> HostCell:
    number = int(cell.get("id", 0))
    online = _online(cell)
    shared, dedicated = division.of(online)
    return HostCell(
        id=number,
        socket=_socket(cell),
        shared=format_cpuset(shared),
        dedicated=format_cpuset(dedicated),
        cores=" ".join(_cores(cell, online)),
        memory_mb=int(cell.findtext("memory") or 0) // 1024,
        pages=_pools(cell, division, number),
    )


def _pools(cell: etree._Element, division: Division, number: int) -> tuple[PagePool, ...]:
    counts = {int(each.get("size", 0)): int(each.text or 0) for each in cell.findall("pages")}
    # Sizes of which there are no pages matter to nobody, but ordinary memory always does.
    return tuple(
        PagePool(size_kb=size, total=total, reserved=division.reserved.get((number, size), 0))
        for size, total in sorted(counts.items())
        if total or size == min(counts)
    )


def _cpus(cell: etree._Element) -> list[etree._Element]:
    """Return the processors that are on; libvirt tells nothing but the number of others."""
    return [cpu for cpu in cell.findall("cpus/cpu") if cpu.get("siblings")]


def _online(cell: etree._Element) -> frozenset[int]:
    return frozenset(int(cpu.get("id", 0)) for cpu in _cpus(cell))


def _socket(cell: etree._Element) -> int | None:
    sockets = {int(cpu.get("socket_id", 0)) for cpu in _cpus(cell)}
    return min(sockets, default=None)


def _cores(cell: etree._Element, online: frozenset[int]) -> list[str]:
    cores = {parse_cpuset(cpu.get("siblings", "")) & online for cpu in _cpus(cell)}
    return [",".join(map(str, sorted(core))) for core in sorted(cores, key=min)]
