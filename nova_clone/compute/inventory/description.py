"""A host's resources with its hardware counted in, as the configuration says."""

from __future__ import annotations

import dataclasses

from nova_clone.compute.inventory import mediated, pci
from nova_clone.compute.settings import InventorySettings
from nova_clone.domain.host import HostResources
from nova_clone.domain.resources import PCPU, VCPU, Inventory
from nova_clone.domain.topology.division import Division
from nova_clone.domain.topology.host import layout

HYPERTHREADING = "HW_CPU_HYPERTHREADING"


def described(resources: HostResources, settings: InventorySettings) -> HostResources:
    """Return what a driver tells with its devices, as they are configured, as components.

    Raises Invalid when the configuration names what the host does not have.
    """
    cells = resources.hardware.topology
    inventories = resources.inventories
    if cells is None and settings.division.configured and VCPU in inventories:
        inventories = {**inventories, **_divided(settings.division, inventories[VCPU].total)}
        inventories = {name: item for name, item in inventories.items() if item.total}
    threaded = cells is not None and any(layout(cell).threaded for cell in cells.cells)
    name = resources.hypervisor_hostname
    return dataclasses.replace(
        resources,
        inventories=inventories,
        traits=(*resources.traits, HYPERTHREADING) if threaded else resources.traits,
        lacking=resources.lacking if threaded else (*resources.lacking, HYPERTHREADING),
        mediated=(),
        components=(
            *resources.components,
            *pci.components(resources.hardware.pci, settings.pci, hostname=name),
            *mediated.components(resources.mediated, settings.mediated, hostname=name),
        ),
    )


def _divided(division: Division, count: int) -> dict[str, Inventory]:
    """Return the processors of a host that tells how many it has, but of no cells."""
    online = frozenset(range(count))
    division.check(online)
    totals = dict(zip((VCPU, PCPU), map(len, division.of(online)), strict=True))
    return {name: Inventory(total=total, max_unit=total) for name, total in totals.items()}
