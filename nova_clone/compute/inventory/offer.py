"""From what a host has to what it offers: less the reserve, with its ratios."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from nova_clone.compute.settings import InventorySettings
from nova_clone.domain.host import HostResources
from nova_clone.domain.resources import DISK_GB, MEMORY_MB, VCPU, Inventory

OWNER = "OWNER_NOVA"


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Terms:
    """What of a class is kept back, and how far the rest is overcommitted.

    ``ratio`` is ``None`` where the configuration has none of its own.
    """

    reserved: int
    ratio: float | None
    initial: float

    def apply(self, found: Inventory) -> Inventory:
        # An inventory must not reserve more than there is.
        kept = min(found.reserved + self.reserved, found.total)
        return dataclasses.replace(
            found, reserved=kept, allocation_ratio=self.ratio or self.initial
        )


def _terms(settings: InventorySettings) -> Mapping[str, _Terms]:
    # A ratio of 0 has always meant: not set.
    return {
        VCPU: _Terms(
            reserved=settings.reserved_cpus,
            ratio=settings.cpu_ratio or None,
            initial=settings.initial_cpu_ratio,
        ),
        MEMORY_MB: _Terms(
            reserved=settings.reserved_memory_mb,
            ratio=settings.ram_ratio or None,
            initial=settings.initial_ram_ratio,
        ),
        DISK_GB: _Terms(
            reserved=math.ceil(settings.reserved_disk_mb / 1024),
            ratio=settings.disk_ratio or None,
            initial=settings.initial_disk_ratio,
        ),
    }


def offered(resources: HostResources, settings: InventorySettings) -> HostResources:
    """Return a driver's resources as they are offered.

    The reserve is taken from the host itself; components share its ratios.
    """
    terms = _terms(settings)
    ratios = {name: dataclasses.replace(item, reserved=0) for name, item in terms.items()}
    return dataclasses.replace(
        resources,
        inventories=_on(terms, resources.inventories),
        components=tuple(
            dataclasses.replace(each, inventories=_on(ratios, each.inventories))
            for each in resources.components
        ),
    )


def _on(terms: Mapping[str, _Terms], found: Mapping[str, Inventory]) -> dict[str, Inventory]:
    return {
        name: terms[name].apply(item) if name in terms else item for name, item in found.items()
    }


def initial_ratios(settings: InventorySettings) -> tuple[str, ...]:
    """Return the classes whose ratio the configuration leaves to whoever sets it later."""
    return tuple(name for name, item in _terms(settings).items() if item.ratio is None)


def owned(resources: HostResources) -> HostResources:
    """Return resources with the trait that tells whose their providers are.

    Cyborg has devices of the same classes in the tree.
    """
    return dataclasses.replace(
        resources,
        traits=(*resources.traits, OWNER),
        components=tuple(
            dataclasses.replace(each, traits=tuple(sorted({*each.traits, OWNER})))
            for each in resources.components
        ),
    )


def with_traits(resources: HostResources, capabilities: Mapping[str, bool]) -> HostResources:
    """Return resources with a trait for each thing that the driver can, and those it lacks."""
    able = {name for name, can in capabilities.items() if can}
    unable = capabilities.keys() - able
    return dataclasses.replace(
        resources,
        traits=tuple(sorted((set(resources.traits) | able) - unable)),
        lacking=tuple(sorted(set(resources.lacking) - able | unable)),
    )
