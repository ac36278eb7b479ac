"""PCI devices as resource providers: one for each device that is no part of another.

Source: the administrator guide on PCI passthrough, "PCI tracking in Placement".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from nova_clone.compute.inventory.names import class_name, trait_name
from nova_clone.domain.errors import Invalid
from nova_clone.domain.host import Component
from nova_clone.domain.pci.device import ONE_TIME_USE, VF, DeviceSpec, PciPool, says
from nova_clone.domain.pci.provider import class_text, provider_name
from nova_clone.domain.resources import Inventory

MANAGED = "COMPUTE_MANAGED_PCI_DEVICE"
#: Devices of networks are not told to Placement.
_OF_NETWORKS = "physical_network"
_REMOTE = "remote_managed"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PciSettings:
    """Which devices are for servers, and whether Placement is told of them."""

    specs: tuple[DeviceSpec, ...] = ()
    report: bool = False

    def __post_init__(self) -> None:
        if self.report and any(spec.devname is not None for spec in self.specs):
            raise Invalid(
                "[pci] device_spec must not name devices by devname when [pci] "
                "report_in_placement is set."
            )
        # To hand a used device out again would be worse than not to start.
        for spec in self.specs:
            if not says(spec.tags, "one_time_use"):
                continue
            if not self.report:
                raise Invalid("[pci] device_spec: one_time_use needs [pci] report_in_placement.")
            if _is_of_network(spec.tags):
                raise Invalid(
                    "[pci] device_spec: one_time_use is not for devices with physical_network or "
                    "remote_managed, which Placement does not know."
                )


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Offer:
    """What devices that are alike count as."""

    pool: PciPool
    resource_class: str
    traits: frozenset[str]


def components(
    offered: Iterable[PciPool], settings: PciSettings, *, hostname: str
) -> tuple[Component, ...]:
    """Return what Placement is told of the devices that are for servers.

    Virtual functions count at their physical function. Devices of networks are left out: no
    request for them comes by way of Placement. Raises Invalid where the entries do not go
    together.
    """
    if not settings.report:
        return ()
    groups: dict[str, list[_Offer]] = {}
    for pool in offered:
        if _is_of_network(pool.tags):
            continue
        offer = _offer(pool)
        for owner in (pool.parent,) if pool.parent else pool.addresses:
            groups.setdefault(owner, []).append(offer)
    return tuple(
        _component(provider_name(hostname, address), offers)
        for address, offers in sorted(groups.items())
    )


def _is_of_network(tags: Mapping[str, str]) -> bool:
    return _OF_NETWORKS in tags or says(tags, _REMOTE)


def _offer(pool: PciPool) -> _Offer:
    said = [each for each in pool.tags.get("traits", "").split(",") if each.strip()]
    traits = {MANAGED, *map(trait_name, said)}
    if says(pool.tags, "live_migratable"):
        traits.add("HW_PCI_LIVE_MIGRATABLE")
    if says(pool.tags, "one_time_use"):
        traits.add(ONE_TIME_USE)
    return _Offer(pool=pool, resource_class=class_name(class_text(pool)), traits=frozenset(traits))


def _component(name: str, offers: Sequence[_Offer]) -> Component:
    classes = sorted({offer.resource_class for offer in offers})
    traits = sorted({", ".join(sorted(offer.traits)) for offer in offers})
    if len({offer.pool.device_type for offer in offers}) > 1:
        raise _mixed(offers, "offers both a physical function and virtual functions of it")
    if len(classes) > 1:
        raise _mixed(offers, f"gives {' and '.join(classes)} to functions of one device")
    if len(traits) > 1:
        raise _mixed(offers, f"gives [{'] and ['.join(traits)}] to functions of one device")
    if ONE_TIME_USE in offers[0].traits and offers[0].pool.device_type == VF:
        raise _mixed(offers, "has one_time_use for virtual functions, which share a provider")
    # Pools of whole devices gather many of them, but this component is one.
    total = sum(len(offer.pool.addresses) if offer.pool.parent else 1 for offer in offers)
    return Component(
        name=name,
        inventories={classes[0]: Inventory(total=total, max_unit=total)},
        traits=tuple(sorted(offers[0].traits)),
    )


def _mixed(offers: Sequence[_Offer], what: str) -> Invalid:
    addresses = sorted({address for offer in offers for address in offer.pool.addresses})
    return Invalid(f"[pci] device_spec {what}: {', '.join(addresses)}.")
