"""Resource providers: their names, trees, traits and aggregates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from oslo_db import exception as db_errors

from nova_clone.conductor.store.columns import utc_now
from nova_clone.conductor.store.placement.names import NameRecords
from nova_clone.conductor.store.placement.records import P, missing
from nova_clone.conductor.store.tables import placement
from nova_clone.contracts.placement_store import PutAggregates, PutProvider, PutTraits
from nova_clone.domain import errors
from nova_clone.domain.resources import Provider


class ProviderRecords(NameRecords):
    """Providers."""

    def put_provider(self, request: PutProvider) -> Provider:
        """Make a provider, or rename or re-parent one.

        Raises `AlreadyExists`, `NotFound`, and `Invalid` for a parent that is none.
        """
        if request.create:
            self._create(request)
        else:
            self._change(request)
        return self.provider(request.id)

    def delete_provider(self, provider_id: str) -> None:
        """Delete a provider; raises `NotFound`, and `Conflict` for children or allocations."""
        query = sa.select(P.consumers).where(P.id == provider_id).with_for_update()
        consumers = self._db.execute(query).scalar()
        if consumers is None:
            raise missing(provider_id)
        children = sa.select(P.id).where(P.parent_id == provider_id).limit(1)
        if self._db.execute(children).first() is not None:
            raise errors.Conflict(
                f"Unable to delete parent resource provider {provider_id}: "
                "It has child resource providers.",
                code="placement.resource_provider.cannot_delete_parent",
            )
        if consumers:
            raise errors.Conflict(
                f"Unable to delete resource provider {provider_id}: "
                "Resource provider has allocations.",
                code="placement.resource_provider.inuse",
            )
        for table in (
            placement.inventories,
            placement.provider_traits,
            placement.provider_aggregates,
        ):
            self._db.execute(sa.delete(table).where(table.c.provider_id == provider_id))
        self._db.execute(sa.delete(placement.providers).where(P.id == provider_id))
        self._sequence.remove(placement.removed_providers.c.id, provider_id)

    def put_traits(self, request: PutTraits) -> Provider:
        """Replace a provider's traits; raises `NotFound`, `StaleGeneration`, `Invalid`."""
        self._lock(request.provider_id, request.generation)
        self._check_traits(request.traits)
        self._replace(placement.provider_traits.c.trait, request.provider_id, request.traits)
        self._changed(request.provider_id)
        return self.provider(request.provider_id)

    def put_aggregates(self, request: PutAggregates) -> Provider:
        """Replace a provider's aggregates; raises `NotFound`, `StaleGeneration`."""
        self._lock(request.provider_id, request.generation)
        column = placement.provider_aggregates.c.aggregate_id
        self._replace(column, request.provider_id, request.aggregates)
        self._changed(request.provider_id, generation=1 if request.bump else 0)
        return self.provider(request.provider_id)

    def group(self, provider_id: str, aggregate_id: str, *, member: bool) -> bool:
        """Put a provider into an aggregate or take it out; raises `NotFound`.

        False when nothing had to be changed.
        """
        self._lock(provider_id, None)
        column = placement.provider_aggregates.c.aggregate_id
        present = set(self._values(column, [provider_id]).get(provider_id, ()))
        if (aggregate_id in present) == member:
            return False
        self._replace(column, provider_id, present ^ {aggregate_id})
        self._changed(provider_id)
        return True

    def _replace(self, column: sa.Column[Any], provider_id: str, values: Iterable[str]) -> None:
        wanted = set(values)
        present = set(self._values(column, [provider_id]).get(provider_id, ()))
        owner = column.table.c.provider_id
        if present - wanted:
            self._db.execute(
                sa.delete(column.table).where(
                    owner == provider_id, column.in_(sorted(present - wanted))
                )
            )
        rows = [
            {"provider_id": provider_id, column.name: value} for value in sorted(wanted - present)
        ]
        if rows:
            self._db.execute(sa.insert(column.table), rows)

    def _create(self, request: PutProvider) -> None:
        root_id = request.id
        if request.parent_id == request.id:
            raise errors.Invalid(
                f'Unable to create resource provider "{request.name}", {request.id}: '
                "parent provider UUID cannot be same as UUID."
            )
        if request.parent_id is not None:
            root_id = self._root_of(request.parent_id)
        values = {
            "id": request.id,
            "name": request.name,
            "generation": 0,
            "parent_id": request.parent_id,
            "root_id": root_id,
            "consumers": 0,
            "sequence": 0,
            "created_at": utc_now(),
            "updated_at": utc_now(),
        }
        try:
            self._db.execute(sa.insert(placement.providers).values(values))
        except db_errors.DBDuplicateEntry as error:
            raise _duplicate(error, request) from error
        self._sequence.restore(placement.removed_providers.c.id, request.id)
        self._sequence.touch(P.id, request.id)

    def _change(self, request: PutProvider) -> None:
        row = self._db.execute(
            sa.select(P.parent_id, P.root_id).where(P.id == request.id).with_for_update()
        ).first()
        if row is None:
            raise missing(request.id)
        try:
            self._db.execute(
                sa.update(placement.providers)
                .where(P.id == request.id)
                .values(name=request.name, updated_at=utc_now())
            )
        except db_errors.DBDuplicateEntry as error:
            raise _duplicate(error, request) from error
        if not request.keep_parent and request.parent_id != row.parent_id:
            if row.parent_id is not None and not request.reparent:
                raise _fixed(request)
            self._move(request.id, request.parent_id, row.root_id)
        self._sequence.touch(P.id, request.id)

    def _root_of(self, parent_id: str) -> str:
        query = sa.select(P.root_id).where(P.id == parent_id).with_for_update(read=True)
        root_id: str | None = self._db.execute(query).scalar()
        if root_id is None:
            raise errors.Invalid(
                f"parent provider UUID does not exist: there is no resource provider {parent_id}."
            )
        return root_id

    def _move(self, provider_id: str, parent_id: str | None, root_id: str) -> None:
        subtree = self._subtree(provider_id, root_id)
        if parent_id in subtree:
            raise errors.Invalid(
                f"Resource provider {provider_id} cannot be below itself: "
                "creating loop in the provider tree is not allowed."
            )
        new_root = provider_id if parent_id is None else self._root_of(parent_id)
        self._db.execute(
            sa.update(placement.providers).where(P.id == provider_id).values(parent_id=parent_id)
        )
        self._db.execute(
            sa.update(placement.providers).where(P.id.in_(sorted(subtree))).values(root_id=new_root)
        )
        for member in subtree:
            self._sequence.touch(P.id, member)

    def _subtree(self, provider_id: str, root_id: str) -> set[str]:
        """Return a provider with all below it, and lock their tree."""
        query = (
            sa.select(P.id, P.parent_id)
            .where(P.root_id == root_id)
            .order_by(P.id)
            .with_for_update()
        )
        children: dict[str | None, list[str]] = {}
        for member, parent_id in self._db.execute(query):
            children.setdefault(parent_id, []).append(member)
        found, waiting = set[str](), [provider_id]
        while waiting:
            member = waiting.pop()
            found.add(member)
            waiting.extend(children.get(member, ()))
        return found


def _fixed(request: PutProvider) -> errors.Invalid:
    what = "un-parenting" if request.parent_id is None else "re-parenting"
    return errors.Invalid(
        f"Unable to change resource provider {request.id}: "
        f"{what} a provider is not currently allowed."
    )


def _duplicate(error: db_errors.DBDuplicateEntry, request: PutProvider) -> errors.AlreadyExists:
    by_name = "name" in error.columns or "uq_providers_name" in str(error)
    what = f"name: {request.name}" if by_name else f"uuid: {request.id}"
    return errors.AlreadyExists(
        f"Conflicting resource provider {what} already exists.",
        code="placement.duplicate_name",
    )
