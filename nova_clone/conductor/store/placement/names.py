"""Resource classes and traits: the standard ones, and the custom ones that are stored."""

from __future__ import annotations

import functools
from collections.abc import Collection

import os_resource_classes
import os_traits
import sqlalchemy as sa
from oslo_db import exception as db_errors

from nova_clone.conductor.store.columns import utc_now
from nova_clone.conductor.store.placement.records import P, PlacementRecords
from nova_clone.conductor.store.tables import placement
from nova_clone.contracts.placement_store import NamedRecord
from nova_clone.domain import errors

CUSTOM = "CUSTOM_"
STANDARD_CLASSES = frozenset(os_resource_classes.STANDARDS)


@functools.cache
def standard_traits() -> frozenset[str]:
    """Return the traits of os-traits."""
    return frozenset(os_traits.get_traits())


class NameRecords(PlacementRecords):
    """Custom resource classes and traits."""

    def ensure_resource_class(self, name: str) -> bool:
        """Make a custom resource class; False when it exists. Raises `Invalid`."""
        return self._ensure(placement.resource_classes, name, "classes")

    def rename_resource_class(self, name: str, new_name: str) -> None:
        """Rename a custom resource class; raises `Invalid`, `NotFound`, `AlreadyExists`."""
        if name in STANDARD_CLASSES:
            raise errors.Invalid(f"Cannot update standard resource class {name}.")
        self._lock_name(placement.resource_classes, name, "resource class")
        if not self.ensure_resource_class(new_name):
            raise errors.AlreadyExists(f"Resource class already exists: {new_name}")
        users = sa.select(placement.inventories.c.provider_id).where(
            placement.inventories.c.resource_class == name
        )
        for provider_id in sorted(self._db.execute(users).scalars()):
            self._sequence.touch(P.id, provider_id)
        for table in (placement.inventories, placement.allocations):
            self._db.execute(
                sa.update(table)
                .where(table.c.resource_class == name)
                .values(resource_class=new_name)
            )
        self._forget(placement.resource_classes, name, "classes")

    def delete_resource_class(self, name: str) -> None:
        """Delete a custom resource class; raises `Invalid`, `NotFound`, `Conflict`."""
        if name in STANDARD_CLASSES:
            raise errors.Invalid(f"Cannot delete standard resource class {name}.")
        self._lock_name(placement.resource_classes, name, "resource class")
        uses = placement.inventories.c
        query = sa.select(uses.provider_id).where(uses.resource_class == name).limit(1)
        if self._db.execute(query).first() is not None:
            raise errors.Conflict(
                f"Error in delete resource class: Class is in use in inventory: {name}"
            )
        self._forget(placement.resource_classes, name, "classes")

    def ensure_trait(self, name: str) -> bool:
        """Make a custom trait; False when it exists. Raises `Invalid`."""
        return self._ensure(placement.traits, name, "traits")

    def delete_trait(self, name: str) -> None:
        """Delete a custom trait; raises `Invalid`, `NotFound`, `Conflict`."""
        if name in standard_traits():
            raise errors.Invalid(f"Cannot delete standard trait {name}.")
        self._lock_name(placement.traits, name, "trait")
        uses = placement.provider_traits.c
        query = sa.select(uses.provider_id).where(uses.trait == name).limit(1)
        if self._db.execute(query).first() is not None:
            raise errors.Conflict(f"The trait {name} is in use by a resource provider.")
        self._forget(placement.traits, name, "traits")

    def custom_resource_classes(self) -> tuple[NamedRecord, ...]:
        """Return every custom resource class."""
        return self._named(placement.resource_classes)

    def custom_traits(self) -> tuple[NamedRecord, ...]:
        """Return every custom trait."""
        return self._named(placement.traits)

    def _check_classes(self, names: Collection[str]) -> None:
        missing = self._unknown(placement.resource_classes, set(names) - STANDARD_CLASSES)
        if missing:
            raise errors.Invalid(f"Unknown resource class: {', '.join(missing)}")

    def _check_traits(self, names: Collection[str]) -> None:
        missing = self._unknown(placement.traits, set(names) - standard_traits())
        if missing:
            raise errors.Invalid(f"No such trait: {', '.join(missing)}")

    def _unknown(self, table: sa.Table, names: set[str]) -> list[str]:
        if not names:
            return []
        # Shared locks keep the names from being deleted before they are used.
        query = sa.select(table.c.name).where(table.c.name.in_(names)).with_for_update(read=True)
        return sorted(names - set(self._db.execute(query).scalars()))

    def _ensure(self, table: sa.Table, name: str, mark: str) -> bool:
        if not name.startswith(CUSTOM):
            raise errors.Invalid(f"The name {name} does not start with {CUSTOM}.")
        known = sa.select(table.c.name).where(table.c.name == name)
        if self._db.execute(known).first() is not None:
            return False
        try:
            self._db.execute(sa.insert(table).values(name=name, created_at=utc_now()))
        except db_errors.DBDuplicateEntry as error:
            raise db_errors.RetryRequest(error) from error
        self._sequence.mark(mark)
        return True

    def _lock_name(self, table: sa.Table, name: str, kind: str) -> None:
        query = sa.select(table.c.name).where(table.c.name == name).with_for_update()
        if self._db.execute(query).first() is None:
            raise errors.NotFound(f"No such {kind}: {name}")

    def _forget(self, table: sa.Table, name: str, mark: str) -> None:
        self._db.execute(sa.delete(table).where(table.c.name == name))
        self._sequence.mark(mark)

    def _named(self, table: sa.Table) -> tuple[NamedRecord, ...]:
        query = sa.select(table.c.name, table.c.created_at).order_by(table.c.name)
        return tuple(
            NamedRecord(name=row.name, updated_at=row.created_at) for row in self._db.execute(query)
        )
