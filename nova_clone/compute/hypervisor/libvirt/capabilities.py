"""What libvirt says of a host, read from its XML."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lxml import etree

_X86 = frozenset({"x86_64", "i686"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostCapabilities:
    """What ``virConnectGetCapabilities`` tells of the host and of guests of its kind.

    ``supported`` lists (architecture, hypervisor type, machine kind) triples;
    ``machines`` the machine types of the host's own architecture.
    """

    uuid: str
    arch: str
    cpu_info: Mapping[str, Any]
    supported: tuple[tuple[str, str, str], ...]
    machines: frozenset[str]

    def offers(self, virt_type: str) -> bool:
        """Tell whether guests of the host's architecture may be of that kind."""
        return (self.arch, virt_type, "hvm") in self.supported


@dataclasses.dataclass(frozen=True, kw_only=True)
class SevCapabilities:
    """How memory can be encrypted, and for how many guests at once: with SEV and with SEV-ES."""

    cbitpos: int
    reduced_phys_bits: int
    guests: int = 0
    es_guests: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class DomainCapabilities:
    """What ``virConnectGetDomainCapabilities`` tells of one kind of guest.

    ``host_model`` is the processor that the mode host-model gives, as XML.
    """

    efi: bool = False
    disk_buses: tuple[str, ...] = ()
    video_models: tuple[str, ...] = ()
    host_model: str | None = None
    sev: SevCapabilities | None = None


def host_capabilities(document: str) -> HostCapabilities:
    """Return what a capabilities document says."""
    root = parsed(document)
    cpu = root.find("host/cpu")
    arch = _text(root, "host/cpu/arch") or "x86_64"
    kin = _X86 if arch in _X86 else frozenset({arch})
    return HostCapabilities(
        uuid=_text(root, "host/uuid"),
        arch=arch,
        cpu_info={} if cpu is None else _cpu_info(cpu, cells=len(root.findall(".//cells/cell"))),
        supported=tuple(_supported(root, kin)),
        machines=frozenset(
            machine.text or "" for machine in root.findall(f"guest/arch[@name='{arch}']/machine")
        ),
    )


def _supported(root: etree._Element, kin: Iterable[str]) -> Iterable[tuple[str, str, str]]:
    for guest in root.findall("guest"):
        kind = _text(guest, "os_type")
        for arch in guest.findall("arch"):
            name = arch.get("name", "")
            if name in kin:
                for domain in arch.findall("domain"):
                    yield name, domain.get("type", ""), kind


def _cpu_info(cpu: etree._Element, *, cells: int) -> Mapping[str, Any]:
    topology = cpu.find("topology")
    shape = etree.Element("none").attrib if topology is None else topology.attrib
    return {
        "arch": _text(cpu, "arch"),
        "model": _text(cpu, "model"),
        "vendor": _text(cpu, "vendor"),
        "topology": {
            "cells": cells,
            "sockets": int(shape.get("sockets", 1)),
            "cores": int(shape.get("cores", 1)),
            "threads": int(shape.get("threads", 1)),
        },
        "features": sorted(each.get("name", "") for each in cpu.findall("feature")),
    }


def domain_capabilities(document: str) -> DomainCapabilities:
    """Return what a document on one kind of guest says."""
    root = parsed(document)
    return DomainCapabilities(
        efi="efi" in _values(root, "os/enum[@name='firmware']"),
        disk_buses=_values(root, "devices/disk/enum[@name='bus']"),
        video_models=_values(root, "devices/video/enum[@name='modelType']"),
        host_model=_host_model(root),
        sev=_sev(root),
    )


def _sev(root: etree._Element) -> SevCapabilities | None:
    told = root.find("features/sev[@supported='yes']")
    if told is None:
        return None
    return SevCapabilities(
        cbitpos=int(_text(told, "cbitpos")),
        reduced_phys_bits=int(_text(told, "reducedPhysBits")),
        guests=int(_text(told, "maxGuests") or 0),
        es_guests=int(_text(told, "maxESGuests") or 0),
    )


def _host_model(root: etree._Element) -> str | None:
    mode = root.find("cpu/mode[@name='host-model']")
    if mode is None or mode.get("supported") != "yes":
        return None
    cpu = etree.Element("cpu")
    etree.SubElement(cpu, "arch").text = _text(root, "arch")
    for part in mode:
        cpu.append(part)
    return etree.tostring(cpu, encoding="unicode")


def features_of(cpu: str) -> frozenset[str]:
    """Return the features that a processor has, told as XML with all of them spelled out."""
    return frozenset(
        each.get("name", "")
        for each in parsed(cpu).findall("feature")
        if each.get("policy") != "disable"
    )


def processor_virtualises(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Tell whether an x86 processor can run guests by itself.

    ``/dev/kvm`` alone does not mean that: a kernel may emulate it.
    """
    for line in cpuinfo.read_text().splitlines():
        name, _, flags = line.partition(":")
        if name.strip() == "flags":
            return not {"vmx", "svm"}.isdisjoint(flags.split())
    return False


def _values(root: etree._Element, path: str) -> tuple[str, ...]:
    return tuple(each.text or "" for each in root.findall(f"{path}/value"))


def _text(element: etree._Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def parsed(document: str) -> etree._Element:
    """Return a document of libvirt's; what it would load from elsewhere is left out."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    return etree.fromstring(document.encode(), parser)
