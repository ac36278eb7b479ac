"""Providers as whole records, and what every part of the repository needs."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nova_clone.conductor.store.columns import utc_now
from nova_clone.conductor.store.sequence import ChangeSequence
from nova_clone.conductor.store.session import Session, TableSet
from nova_clone.conductor.store.tables import placement
from nova_clone.domain import errors
from nova_clone.domain.resources import Inventory, Provider

P = placement.providers.c
I = placement.inventories.c  # noqa: E741 - the table of inventories
_LIMITS = ("total", "reserved", "min_unit", "max_unit", "step_size", "allocation_ratio")
_PROVIDER = tuple(
    P[name]
    for name in (
        "id",
        "name",
        "generation",
        "parent_id",
        "root_id",
        "consumers",
        "updated_at",
        "created_at",
    )
)
_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_PROVIDERS = sa.select(*_PROVIDER).order_by(P.id)
_BY_ID = _PROVIDERS.where(P.id == sa.bindparam("provider_id"))
_INVENTORIES = (
    sa.select(I.provider_id, I.resource_class, *(I[name] for name in _LIMITS), I.used)
    .where(I.provider_id.in_(_IDS))
    .order_by(I.provider_id, I.resource_class)
)
CONCURRENT_UPDATE = "placement.concurrent_update"


@functools.cache
def _values_of(column: sa.Column[Any]) -> sa.Select[Any]:
    owner = column.table.c.provider_id
    return sa.select(owner, column).where(owner.in_(_IDS)).order_by(owner, column)


class PlacementRecords:
    """The connection of a transaction, and providers read whole."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def _db(self) -> sa.Connection:
        return self._session.placement_db

    @property
    def _sequence(self) -> ChangeSequence:
        return self._session.sequence(TableSet.PLACEMENT, placement.sequences, "providers")

    def provider(self, provider_id: str) -> Provider:
        """Return a provider; raises `NotFound`."""
        rows = self._db.execute(_BY_ID, {"provider_id": provider_id}).all()
        found = self._whole(rows)
        if not found:
            raise missing(provider_id)
        return found[0]

    def provider_names(self, ids: Sequence[str]) -> dict[str, str]:
        """Return the names of those of the providers that exist."""
        return dict(self._db.execute(sa.select(P.id, P.name).where(P.id.in_(ids))).all())

    def _providers(
        self, *clauses: sa.ColumnElement[bool], limit: int | None = None
    ) -> tuple[Provider, ...]:
        return self._whole(self._db.execute(_PROVIDERS.where(*clauses).limit(limit)).all())

    def _whole(self, rows: Sequence[Any]) -> tuple[Provider, ...]:
        if not rows:
            return ()
        ids = [row.id for row in rows]
        inventories = self._inventories(ids)
        traits = self._values(placement.provider_traits.c.trait, ids)
        aggregates = self._values(placement.provider_aggregates.c.aggregate_id, ids)
        return tuple(
            Provider(
                inventories=inventories.get(row.id, {}),
                traits=tuple(traits.get(row.id, ())),
                aggregates=tuple(aggregates.get(row.id, ())),
                **row._mapping,  # noqa: SLF001 - its public name
            )
            for row in rows
        )

    def _inventories(self, ids: Sequence[str]) -> dict[str, dict[str, Inventory]]:
        found: dict[str, dict[str, Inventory]] = {}
        for provider_id, name, *amounts in self._db.execute(_INVENTORIES, {"ids": ids}):
            total, reserved, min_unit, max_unit, step_size, ratio, used = amounts
            found.setdefault(provider_id, {})[name] = Inventory(
                total=total,
                reserved=reserved,
                min_unit=min_unit,
                max_unit=max_unit,
                step_size=step_size,
                allocation_ratio=ratio,
                used=int(used),
            )
        return found

    def _values(self, column: sa.Column[Any], ids: Sequence[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for provider_id, value in self._db.execute(_values_of(column), {"ids": ids}):
            found.setdefault(provider_id, []).append(value)
        return found

    def _lock(self, provider_id: str, generation: int | None = None) -> None:
        """Lock a provider's row; raises `NotFound`, or `StaleGeneration` on a mismatch."""
        query = sa.select(P.generation).where(P.id == provider_id).with_for_update()
        found = self._db.execute(query).scalar()
        if found is None:
            raise missing(provider_id)
        if generation is not None and found != generation:
            raise stale(provider_id, found, generation)

    def _changed(self, provider_id: str, *, generation: int = 1) -> None:
        """Raise the generation of a locked provider and have it sent to whoever follows."""
        self._db.execute(
            sa.update(placement.providers)
            .where(P.id == provider_id)
            .values(generation=P.generation + generation, updated_at=utc_now())
        )
        self._sequence.touch(P.id, provider_id)


def missing(provider_id: str) -> errors.NotFound:
    """Return the error for a provider that there is not."""
    return errors.NotFound(f"No resource provider with uuid {provider_id} found")


def stale(provider_id: str, found: int, given: int) -> errors.StaleGeneration:
    """Return the error for a provider that was changed meanwhile."""
    return errors.StaleGeneration(
        f"resource provider generation conflict for {provider_id}: actual: {found}, "
        f"given: {given}. Resource provider's generation already changed. "
        "Please update the generation and try again.",
        code=CONCURRENT_UPDATE,
    )
