"""PCI devices of a host, read from what libvirt says of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from lxml import etree

from nova_clone.compute.hypervisor.libvirt.capabilities import parsed
from nova_clone.domain.pci.device import PCI, PF, VF, DeviceSpec, PciDevice, pools

_NO = frozenset({"0", "f", "false", "n", "no", "off"})
_PARTS = ("domain", "bus", "slot", "function")


def pci_devices(documents: Iterable[str]) -> tuple[PciDevice, ...]:
    """Return the PCI devices among these node devices, with the network interfaces on them."""
    found: dict[str, PciDevice] = {}
    interfaces: dict[str, str] = {}
    for document in documents:
        root = parsed(document)
        name, parent = root.findtext("name") or "", root.findtext("parent") or ""
        for capability in root.findall("capability"):
            if capability.get("type") == "pci":
                found[name] = _device(capability)
            elif capability.get("type") == "net":
                interfaces[parent] = capability.findtext("interface") or ""
    return tuple(
        dataclasses.replace(device, devname=interfaces.get(name)) for name, device in found.items()
    )


def unmanaged_devices(documents: Iterable[str], specs: Iterable[DeviceSpec]) -> frozenset[str]:
    """Return the addresses of those that the configuration calls not ``managed``."""
    return frozenset(
        address
        for pool in pools(pci_devices(documents), specs)
        if pool.tags.get("managed", "yes").strip().lower() in _NO
        for address in pool.addresses
    )


def _device(capability: etree._Element) -> PciDevice:
    kinds = {each.get("type"): each for each in capability.findall("capability")}
    card = kinds.get("phys_function")
    numa = capability.find("numa")
    return PciDevice(
        address=_address([int(capability.findtext(name) or 0) for name in _PARTS]),
        vendor_id=_id(capability.find("vendor")),
        product_id=_id(capability.find("product")),
        device_type=VF if card is not None else PF if "virt_functions" in kinds else PCI,
        numa_node=None if numa is None else int(numa.get("node", 0)),
        parent=None if card is None else _parent(card),
    )


def _address(numbers: list[int]) -> str:
    domain, bus, slot, function = numbers
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"


def _parent(card: etree._Element) -> str | None:
    address = card.find("address")
    if address is None:
        return None
    return _address([int(address.get(name, "0"), 16) for name in _PARTS])


def _id(element: etree._Element | None) -> str:
    told = "" if element is None else element.get("id", "")
    return told.removeprefix("0x").lower().rjust(4, "0")
