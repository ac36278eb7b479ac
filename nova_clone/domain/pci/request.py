"""Which PCI devices a flavor asks for, by the names that ``[pci] alias`` gives them."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Mapping
from typing import Any

from nova_clone.domain.errors import Invalid
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.pci.device import DEVICE_TYPES, hexadecimal, objects
from nova_clone.domain.topology.wishes import Wishes

EXTRA_SPEC = "pci_passthrough:alias"
#: No host has more devices than that.
MAX_COUNT = 4096

_KEYS = frozenset(
    {
        "name",
        "capability_type",
        "vendor_id",
        "product_id",
        "device_type",
        "numa_policy",
        "resource_class",
        "traits",
        "live_migratable",
    }
)


class PciPolicy(enum.Enum):
    """How near a device must be to the server's NUMA cells."""

    REQUIRED = "required"
    PREFERRED = "preferred"
    LEGACY = "legacy"
    SOCKET = "socket"


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceWish:
    """What a device must be; ``None`` matches everything.

    ``resource_class`` and ``traits`` are for Placement, where it chooses devices.
    """

    vendor_id: str | None = None
    product_id: str | None = None
    device_type: str | None = None
    tags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    resource_class: str | None = None
    traits: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class PciAlias:
    """A name for devices: any of ``wishes``."""

    name: str
    wishes: tuple[DeviceWish, ...]
    policy: PciPolicy | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class PciRequest:
    """So many devices of which each is one of ``wishes``.

    With ``card`` only the device with this address will do, or the functions of it.
    """

    alias: str
    count: int
    wishes: tuple[DeviceWish, ...]
    policy: PciPolicy = PciPolicy.LEGACY
    card: str | None = None


def parse_aliases(texts: Iterable[str]) -> dict[str, PciAlias]:
    """Return the aliases of a configuration; one name given twice means either kind.

    Raises `Invalid` for one that is not understood, or that contradicts its namesake.
    """
    found: dict[str, PciAlias] = {}
    for text in texts:
        for item in objects(text, "alias"):
            alias = _alias(item)
            known = found.get(alias.name)
            found[alias.name] = alias if known is None else _merged(known, alias)
    return found


def _merged(known: PciAlias, alias: PciAlias) -> PciAlias:
    if known.policy is not alias.policy:
        raise Invalid(f"[pci] alias: {alias.name} has two NUMA policies.")
    if known.wishes[0].device_type != alias.wishes[0].device_type:
        raise Invalid(f"[pci] alias: {alias.name} has two device types.")
    return dataclasses.replace(known, wishes=(*known.wishes, *alias.wishes))


def _alias(item: dict[str, Any]) -> PciAlias:
    unknown = sorted(item.keys() - _KEYS)
    if unknown:
        raise Invalid(f"[pci] alias: unknown key {unknown[0]!r}.")
    name = item.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= 256:
        raise Invalid("[pci] alias: each needs a name of 1 to 256 characters.")
    kind = item.get("device_type")
    if kind is not None and kind not in DEVICE_TYPES:
        raise Invalid(f"[pci] alias: {name} has the unknown device type {kind!r}.")
    if item.get("capability_type", "pci") != "pci":
        raise Invalid(f"[pci] alias: {name} has an unknown capability type.")
    tags = {}
    if "live_migratable" in item:
        tags["live_migratable"] = str(item["live_migratable"]).lower()
    return PciAlias(
        name=name,
        wishes=(
            DeviceWish(
                vendor_id=hexadecimal(item.get("vendor_id"), "alias"),
                product_id=hexadecimal(item.get("product_id"), "alias"),
                device_type=kind,
                tags=tags,
                resource_class=_text(item, "resource_class") or None,
                traits=tuple(filter(str.strip, _text(item, "traits").split(","))),
            ),
        ),
        policy=_policy(item.get("numa_policy"), name),
    )


def _text(item: dict[str, Any], key: str) -> str:
    value = item.get(key, "")
    if not isinstance(value, str):
        raise Invalid(f"[pci] alias: {item['name']} has a {key} that is no text.")
    return value.strip()


def _policy(value: Any, name: str) -> PciPolicy | None:
    if value is None:
        return None
    try:
        return PciPolicy(value)
    except ValueError as error:
        raise Invalid(f"[pci] alias: {name} has the unknown NUMA policy {value!r}.") from error


def affinity_policy(flavor: Flavor, image_properties: Mapping[str, str]) -> PciPolicy | None:
    """Return the policy for all devices of a server, in which flavor and image must agree."""
    ours, theirs = Wishes(flavor=flavor, image=image_properties).choice(
        "pci_numa_affinity_policy", PciPolicy
    )
    if ours is not None and theirs is not None and ours is not theirs:
        raise Invalid(
            f"The image's hw_pci_numa_affinity_policy={theirs.value} contradicts the flavor's"
            f" hw:pci_numa_affinity_policy={ours.value}."
        )
    return ours or theirs


def pci_requests(
    flavor: Flavor, image_properties: Mapping[str, str], aliases: Mapping[str, PciAlias]
) -> tuple[PciRequest, ...]:
    """Return the devices that a server needs (``pci_passthrough:alias``).

    The policy of flavor or image goes before the alias's. Raises `Invalid` for names that
    are not configured and counts that are none.
    """
    wanted = affinity_policy(flavor, image_properties)
    text = flavor.extra_specs.get(EXTRA_SPEC, "")
    requests = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, count = (word.strip() for word in item.rpartition(":"))
        digits = count.isascii() and count.isdigit() and len(count) <= len(str(MAX_COUNT))
        if not name or not digits or not 0 < int(count) <= MAX_COUNT:
            raise Invalid(f"{EXTRA_SPEC} must be name:count, not {item[:80]!r}.")
        alias = aliases.get(name)
        if alias is None:
            raise Invalid(f"The PCI alias {name[:80]} is not configured.")
        policy = wanted or alias.policy or PciPolicy.LEGACY
        requests.append(
            PciRequest(alias=name, count=int(count), wishes=alias.wishes, policy=policy)
        )
    return tuple(requests)
