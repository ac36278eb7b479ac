"""Inventories of providers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import os_resource_classes
import sqlalchemy as sa

from nova_clone.conductor.store.placement.providers import ProviderRecords
from nova_clone.conductor.store.placement.records import CONCURRENT_UPDATE, I
from nova_clone.conductor.store.tables import placement
from nova_clone.contracts.placement_store import PutInventories
from nova_clone.domain import errors
from nova_clone.domain.resources import Inventory, Provider


class InventoryRecords(ProviderRecords):
    """Inventories. A provider's row is locked before its inventories are looked at."""

    def put_inventories(self, request: PutInventories) -> Provider:
        """Replace inventories.

        Raises `NotFound`, `StaleGeneration`, `Invalid` for an unknown class, and `Conflict`
        for one that is in use and would go. Less than what is in use may be left: the
        provider is over capacity then, as after a change of its hardware.
        """
        self._lock(request.provider_id, request.generation)
        self._check_classes(request.inventories)
        present = self._inventories([request.provider_id]).get(request.provider_id, {})
        self._check_presence(request, present)
        self._write(request.provider_id, request.inventories, present)
        scope = present.keys() if request.only is None else present.keys() & set(request.only)
        self._remove(request.provider_id, scope - request.inventories.keys())
        self._changed(request.provider_id)
        return self.provider(request.provider_id)

    def _check_presence(self, request: PutInventories, present: Mapping[str, Inventory]) -> None:
        for name in request.only or ():
            if request.must_exist and name not in present:
                raise errors.NotFound(
                    f"No inventory of class {name} for resource provider {request.provider_id}."
                )
            if request.must_not_exist and name in present:
                raise errors.Conflict(
                    f"Update conflict: resource provider {request.provider_id} has an inventory "
                    f"of class {name} already.",
                    code=CONCURRENT_UPDATE,
                )

    def _write(
        self,
        provider_id: str,
        wanted: Mapping[str, Inventory],
        present: Mapping[str, Inventory],
    ) -> None:
        new = [
            _row(inventory) | {"provider_id": provider_id, "resource_class": name, "used": 0}
            for name, inventory in sorted(wanted.items())
            if name not in present
        ]
        if new:
            self._db.execute(sa.insert(placement.inventories), new)
        for name, inventory in sorted(wanted.items()):
            if name in present and _row(inventory) != _row(present[name]):
                self._db.execute(
                    sa.update(placement.inventories)
                    .where(I.provider_id == provider_id, I.resource_class == name)
                    .values(_row(inventory))
                )

    def _remove(self, provider_id: str, names: Collection[str]) -> None:
        """Remove inventories of a locked provider; raises `Conflict` when one is in use."""
        if not names:
            return
        mine = sa.and_(I.provider_id == provider_id, I.resource_class.in_(sorted(names)))
        used = self._db.execute(sa.select(I.resource_class).where(mine, I.used > 0)).scalars()
        if busy := sorted(used, key=_place):
            raise errors.Conflict(
                f"Inventory for '{', '.join(busy)}' on resource provider '{provider_id}' in use.",
                code="placement.inventory.inuse",
            )
        self._db.execute(sa.delete(placement.inventories).where(mine))


def _place(name: str) -> tuple[int, str]:
    """Return where a resource class stands among others: standard ones in their order."""
    standard = os_resource_classes.STANDARDS
    return (standard.index(name) if name in standard else len(standard), name)


def _row(inventory: Inventory) -> dict[str, Any]:
    return {
        "total": inventory.total,
        "reserved": inventory.reserved,
        "min_unit": inventory.min_unit,
        "max_unit": inventory.max_unit,
        "step_size": inventory.step_size,
        "allocation_ratio": inventory.allocation_ratio,
        "capacity": inventory.capacity,
    }
