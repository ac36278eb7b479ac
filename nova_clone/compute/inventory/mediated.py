"""Mediated devices, such as virtual GPUs, as resource providers: one for each parent.

Source: the administrator guide on attaching virtual GPU devices.
"""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Iterable

from nova_clone.compute.inventory.names import class_name
from nova_clone.domain.errors import Invalid
from nova_clone.domain.hardware import MediatedParent
from nova_clone.domain.host import Component
from nova_clone.domain.resources import Inventory

LOG = logging.getLogger(__name__)

_ADDRESS = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")


@dataclasses.dataclass(frozen=True, kw_only=True)
class MediatedType:
    """One enabled type: from which parents it is taken, and what it counts as.

    No ``addresses`` means every parent; ``max_instances`` limits each of them.
    """

    name: str
    addresses: frozenset[str] = frozenset()
    resource_class: str = "VGPU"
    max_instances: int | None = None

    def __post_init__(self) -> None:
        for address in sorted(self.addresses):
            if not _ADDRESS.fullmatch(address):
                raise Invalid(
                    f"[mdev_{self.name}] device_addresses: {address!r} is no PCI address."
                )


def checked(types: Iterable[MediatedType]) -> tuple[MediatedType, ...]:
    """Return the types that can be told apart; raises Invalid when two want one device.

    Of several types, those that name no devices cannot be told apart, but for the first.
    """
    found = tuple(types)
    owners: dict[str, str] = {}
    for each in found:
        for address in each.addresses:
            other = owners.setdefault(address, each.name)
            if other != each.name:
                raise Invalid(
                    f"[devices] enabled_mdev_types: {other} and {each.name} both want the "
                    f"device {address}."
                )
    if len(found) > 1 and not owners:
        LOG.warning(
            "several types of mediated devices are enabled, but not for which devices: "
            "only %s is offered",
            found[0].name,
        )
        return found[:1]
    if len(found) > 1:
        return tuple(each for each in found if each.addresses)
    return found


def components(
    parents: Iterable[MediatedParent], types: Iterable[MediatedType], *, hostname: str
) -> tuple[Component, ...]:
    """Return what Placement is told of the devices that can be split."""
    enabled = checked(types)
    found = []
    for parent in sorted(parents, key=lambda each: each.name):
        kind = next(
            (each for each in enabled if not each.addresses or parent.address in each.addresses),
            None,
        )
        if kind is None:
            continue
        total = parent.types.get(kind.name, 0)
        if kind.max_instances is not None:
            total = min(total, kind.max_instances)
        if total > 0:
            found.append(
                Component(
                    name=f"{hostname}_{parent.name}",
                    inventories={
                        class_name(kind.resource_class): Inventory(total=total, max_unit=total)
                    },
                )
            )
    return tuple(found)
