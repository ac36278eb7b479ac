"""PCI devices of a host, and which of them ``[pci] device_spec`` offers to servers.

Source: the administrator guide on PCI passthrough and the options of the group ``pci``.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nova_clone.domain.errors import Invalid

PCI, PF, VF = "type-PCI", "type-PF", "type-VF"
#: The trait of devices that nobody gets again before an operator says so.
ONE_TIME_USE = "HW_PCI_ONE_TIME_USE"
DEVICE_TYPES = frozenset({PCI, PF, VF})

#: Domain, bus, slot, function of an address: its width in digits and its largest value.
_FIELDS = (("domain", 4, 0xFFFF), ("bus", 2, 0xFF), ("slot", 2, 0x1F), ("function", 1, 0x7))
_ADDRESS = re.compile(r"([0-9a-f]{4}):([0-9a-f]{2}):([01][0-9a-f])\.([0-7])")
_HEX = re.compile(r"[0-9a-fA-F]{1,4}")
_ID = re.compile(r"(?:0[xX])?([0-9a-fA-F]{4})")
_MATCHED = frozenset({"vendor_id", "product_id", "address", "devname"})
_TAGS = frozenset(
    {
        "physical_network",
        "remote_managed",
        "managed",
        "live_migratable",
        "one_time_use",
        "resource_class",
        "traits",
        "trusted",
    }
)

#: Tells whether an address is meant.
Matches = Callable[[str], bool]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PciDevice:
    """One device as the host tells of it; ids in hexadecimal, ``parent`` a VF's physical card."""

    address: str
    vendor_id: str
    product_id: str
    device_type: str = PCI
    numa_node: int | None = None
    parent: str | None = None
    devname: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class PciPool:
    """Devices of a host that are alike, and their addresses."""

    vendor_id: str
    product_id: str
    device_type: str = PCI
    numa_node: int | None = None
    parent: str | None = None
    tags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    addresses: tuple[str, ...] = ()


_YES = frozenset({"1", "t", "true", "on", "y", "yes"})


def says(tags: Mapping[str, str], name: str) -> bool:
    """Tell whether the tags of an offer say yes to something."""
    return tags.get(name, "").lower() in _YES


def reusable(pools: Iterable[PciPool]) -> tuple[PciPool, ...]:
    """Return the pools whose devices may go from one server to the next."""
    return tuple(pool for pool in pools if not says(pool.tags, "one_time_use"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceSpec:
    """Which devices are offered, and what is said of them. ``None`` matches everything."""

    vendor_id: str | None = None
    product_id: str | None = None
    address: Matches | None = None
    devname: str | None = None
    tags: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def offers(self, device: PciDevice, parent: PciDevice | None) -> bool:
        """Tell whether a device is meant; naming a physical card means its functions, too."""
        if self.vendor_id not in (None, device.vendor_id):
            return False
        if self.product_id not in (None, device.product_id):
            return False
        if self.address is not None:
            card = device.parent
            return self.address(device.address) or (card is not None and self.address(card))
        if self.devname is not None:
            names = {device.devname, None if parent is None else parent.devname}
            return self.devname in names
        return True


def parse_device_specs(texts: Iterable[str]) -> tuple[DeviceSpec, ...]:
    """Return the offers of a configuration. Raises `Invalid` for one that is not understood."""
    return tuple(_spec(found) for text in texts for found in objects(text, "device_spec"))


def objects(text: str, option: str) -> list[dict[str, Any]]:
    """Return the JSON objects of an option: one, or a list of them."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Invalid(f"[pci] {option}: {text[:200]!r} is not JSON.") from error
    items = found if isinstance(found, list) else [found]
    if not all(isinstance(item, dict) for item in items):
        raise Invalid(f"[pci] {option}: {text[:200]!r} is not a JSON object.")
    return items


def _spec(found: dict[str, Any]) -> DeviceSpec:
    unknown = sorted(found.keys() - _MATCHED - _TAGS)
    if unknown:
        raise Invalid(f"[pci] device_spec: unknown key {unknown[0]!r}.")
    if "address" in found and "devname" in found:
        raise Invalid("[pci] device_spec: address and devname exclude each other.")
    devname = found.get("devname")
    return DeviceSpec(
        vendor_id=hexadecimal(found.get("vendor_id"), "device_spec"),
        product_id=hexadecimal(found.get("product_id"), "device_spec"),
        address=_address(found["address"]) if "address" in found else None,
        devname=None if devname is None else str(devname),
        tags={key: _tag(found[key]) for key in sorted(found.keys() & _TAGS)},
    )


def _tag(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def hexadecimal(value: Any, option: str) -> str | None:
    """Return a vendor's or product's id in four digits; ``None`` for none and for ``*``."""
    if value is None or value == "*":
        return None
    match = _ID.fullmatch(str(value))
    if match is None:
        raise Invalid(f"[pci] {option}: {value!r} is not an id of four hexadecimal digits.")
    return match[1].lower()


def _address(value: Any) -> Matches:
    if isinstance(value, str):
        return _globbed(value)
    if isinstance(value, dict):
        return _expressed(value)
    raise Invalid("[pci] device_spec: address must be a text or an object.")


def _globbed(text: str) -> Matches:
    """Match an address whose fields may be ``*`` or missing: ``*:0a:00.*``, ``0a:00``."""
    left, _dot, function = text.partition(".")
    parts = left.split(":")
    if len(parts) > 3:
        raise Invalid(f"[pci] device_spec: {text!r} is not an address.")
    words = [*([""] * (3 - len(parts))), *parts, function]
    wanted: list[int | None] = []
    for word, (name, _width, largest) in zip(words, _FIELDS, strict=True):
        number = None if word.strip() in ("", "*") else _field(word.strip(), text)
        if number is not None and number > largest:
            raise Invalid(f"[pci] device_spec: the {name} of {text!r} is out of range.")
        wanted.append(number)

    def matches(address: str) -> bool:
        found = _ADDRESS.fullmatch(address)
        return found is not None and all(
            want is None or want == int(got, 16)
            for want, got in zip(wanted, found.groups(), strict=True)
        )

    return matches


def _field(word: str, text: str) -> int:
    if not _HEX.fullmatch(word):
        raise Invalid(f"[pci] device_spec: {text!r} is not an address.")
    return int(word, 16)


def _expressed(value: Mapping[str, Any]) -> Matches:
    """Match an address of which each field has a regular expression."""
    names = [name for name, _width, _largest in _FIELDS]
    if not value.keys() <= set(names):
        raise Invalid("[pci] device_spec: an address has domain, bus, slot and function.")
    try:
        patterns = [re.compile(str(value.get(name, ".*")), re.IGNORECASE) for name in names]
    except re.error as error:
        raise Invalid(f"[pci] device_spec: {error} in the address {dict(value)}.") from error

    def matches(address: str) -> bool:
        found = _ADDRESS.fullmatch(address)
        return found is not None and all(
            pattern.match(got) for pattern, got in zip(patterns, found.groups(), strict=True)
        )

    return matches


def pools(devices: Iterable[PciDevice], specs: Iterable[DeviceSpec]) -> tuple[PciPool, ...]:
    """Return the devices that are offered, gathered by what makes them alike.

    The first offer that means a device counts. Addresses beyond the usual ranges are
    left out.
    """
    offers = tuple(specs)
    by_address = {device.address: device for device in devices}
    gathered: dict[tuple[Any, ...], tuple[PciPool, list[str]]] = {}
    for device in by_address.values():
        if not _ADDRESS.fullmatch(device.address):
            continue
        parent = by_address.get(device.parent or "")
        spec = next((spec for spec in offers if spec.offers(device, parent)), None)
        if spec is None:
            continue
        pool = _pool(device, spec)
        key = (*_identity(pool), tuple(pool.tags.items()))
        gathered.setdefault(key, (pool, []))[1].append(device.address)
    found = (
        dataclasses.replace(pool, addresses=tuple(sorted(addresses)))
        for pool, addresses in gathered.values()
    )
    return tuple(sorted(found, key=lambda pool: pool.addresses))


def _identity(pool: PciPool) -> tuple[Any, ...]:
    return (pool.vendor_id, pool.product_id, pool.device_type, pool.numa_node, pool.parent)


def _pool(device: PciDevice, spec: DeviceSpec) -> PciPool:
    return PciPool(
        vendor_id=device.vendor_id,
        product_id=device.product_id,
        device_type=device.device_type,
        numa_node=device.numa_node,
        parent=device.parent,
        tags=spec.tags,
    )
