"""What consumers hold, and the one way in which it changes: all or nothing.

Locks are taken in one order by everybody: a group, then consumers, then providers, each by
id. Whoever holds a provider's row may rely on its inventories.
"""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from oslo_db import exception as db_errors

from nova_clone.conductor.store.columns import utc_now
from nova_clone.conductor.store.placement.inventories import InventoryRecords
from nova_clone.conductor.store.placement.records import CONCURRENT_UPDATE, I, P, missing, stale
from nova_clone.conductor.store.tables import placement
from nova_clone.domain import errors
from nova_clone.domain.pci.device import ONE_TIME_USE
from nova_clone.domain.resources import (
    DISK_GB,
    MEMORY_MB,
    PCPU,
    VCPU,
    Allocation,
    Amounts,
    Inventory,
)

C = placement.consumers.c
A = placement.allocations.c
T = placement.provider_traits.c
#: What nearly every claim takes: not worth a look.
_EVERYDAY = frozenset({VCPU, PCPU, MEMORY_MB, DISK_GB})
Holdings = Mapping[str, Amounts]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Change:
    """What changes for one consumer; ``generation`` is the one that is stored, if any.

    ``marks`` are further columns of the consumer to write.
    """

    wanted: Allocation
    before: Holdings
    after: Holdings
    generation: int | None
    marks: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class HoldingRecords(InventoryRecords):
    """Consumers and what they hold of which provider."""

    def _held(
        self, consumers: Sequence[str], *, provider_id: str | None = None
    ) -> dict[str, dict[str, dict[str, int]]]:
        query = _HELD
        if provider_id is not None:
            query = query.where(A.provider_id == provider_id)
        found: dict[str, dict[str, dict[str, int]]] = {}
        for consumer, provider, name, amount in self._db.execute(query, {"consumers": consumers}):
            found.setdefault(consumer, {}).setdefault(provider, {})[name] = amount
        return found

    def _changes(self, allocations: Sequence[Allocation], *, check: bool) -> list[Change]:
        """Lock the consumers that exist, and compare what they hold with what they shall."""
        ids = sorted(allocation.consumer_id for allocation in allocations)
        stored = {row.id: row for row in self._db.execute(_LOCK_CONSUMERS, {"consumers": ids})}
        held = self._held(tuple(stored)) if stored else {}
        changes = []
        for allocation in sorted(allocations, key=lambda item: item.consumer_id):
            row = stored.get(allocation.consumer_id)
            generation = None if row is None else row.generation
            if check and generation != allocation.consumer_generation:
                raise _stale_consumer(allocation, generation)
            changes.append(
                Change(
                    wanted=allocation,
                    before=held.get(allocation.consumer_id, {}),
                    after=without_zeros(allocation.resources),
                    generation=generation,
                )
            )
        return changes

    def _apply(
        self,
        changes: Sequence[Change],
        *,
        pinned: Mapping[str, int] | None = None,
        recheck: bool = False,
        wait: bool = True,
    ) -> None:
        # Everything is checked before anything is written: a refusal leaves nothing behind.
        self._lock_providers(providers_of(changes), pinned or {}, wait=wait)
        deltas = _deltas(changes)
        if deltas or recheck:
            self._check(changes, deltas, recheck=recheck)
        self._write_consumers(changes)
        self._write_providers(changes)
        for provider_id, amounts in sorted(deltas.items()):
            self._shift(provider_id, amounts)
        self._burn(deltas)
        known = [change.wanted.consumer_id for change in changes if change.before]
        if known:
            self._db.execute(_DELETE, {"consumers": known})
        rows = [
            {
                "consumer_id": change.wanted.consumer_id,
                "provider_id": provider_id,
                "resource_class": name,
                "amount": amount,
            }
            for change in changes
            for provider_id, amounts in change.after.items()
            for name, amount in amounts.items()
        ]
        if rows:
            self._db.execute(_INSERT, rows)

    def _write_consumers(self, changes: Sequence[Change]) -> None:
        new = [
            {
                **_consumer(change.wanted),
                **change.marks,
                "id": change.wanted.consumer_id,
                "generation": 1,
            }
            for change in changes
            if change.generation is None and change.after
        ]
        if new:
            try:
                self._db.execute(_INSERT_CONSUMER, new)
            except db_errors.DBDuplicateEntry as error:
                # Somebody made the same consumer meanwhile: look again.
                raise db_errors.RetryRequest(error) from error
        emptied = []
        for change in changes:
            if change.generation is None:
                continue
            if not change.after:
                emptied.append(change.wanted.consumer_id)
                continue
            values = {k: v for k, v in _consumer(change.wanted).items() if v is not None}
            values.update(change.marks)
            self._db.execute(_UPDATE_CONSUMER, {"consumer": change.wanted.consumer_id, **values})
        if emptied:
            self._db.execute(_DELETE_CONSUMERS, {"consumers": emptied})

    def _lock_providers(self, ids: set[str], pinned: Mapping[str, int], *, wait: bool) -> None:
        wanted = sorted(ids | pinned.keys())
        if not wanted:
            return
        query = _LOCK_PROVIDERS if wait else _LOCK_FREE_PROVIDERS
        found = {row.id: row.generation for row in self._db.execute(query, {"providers": wanted})}
        if not wait and len(found) < len(wanted):
            raise errors.Conflict("Somebody else claims there at this moment.")
        for provider_id in wanted:
            if provider_id not in found:
                raise errors.Invalid(missing(provider_id).message)
            if pinned.get(provider_id, found[provider_id]) != found[provider_id]:
                raise stale(provider_id, found[provider_id], pinned[provider_id])

    def _check(
        self,
        changes: Sequence[Change],
        deltas: Mapping[str, Mapping[str, int]],
        *,
        recheck: bool,
    ) -> None:
        """Refuse what inventories do not admit; amounts that stay only with `recheck`."""
        inventories = self._inventories(sorted(providers_of(changes)))
        for change in changes:
            for provider_id, amounts in change.after.items():
                before = change.before.get(provider_id, {})
                for name, amount in amounts.items():
                    if recheck or amount != before.get(name, 0):
                        inventory = inventories.get(provider_id, {}).get(name)
                        _check_amount(provider_id, name, amount, inventory)
        for provider_id, totals in sorted(deltas.items()):
            for name, delta in totals.items():
                if delta > 0 and delta > inventories[provider_id][name].free:
                    raise _over_capacity(provider_id, name)

    def _write_providers(self, changes: Sequence[Change]) -> None:
        joined: Counter[str] = Counter()
        # A provider that a consumer moves away from keeps its generation: no claim and no
        # inventory that somebody saw can be spoilt by what became free.
        bumped = {provider for change in changes for provider in change.after}
        for change in changes:
            joined.update(change.after.keys() - change.before.keys())
            joined.subtract(change.before.keys() - change.after.keys())
        for provider_id in sorted(providers_of(changes)):
            statement = _BUMP_PROVIDER if provider_id in bumped else _UPDATE_PROVIDER
            row = {"provider": provider_id, "joined": joined[provider_id]}
            self._db.execute(statement, row)
            self._sequence.touch(P.id, provider_id)

    def _shift(self, provider_id: str, amounts: Mapping[str, int]) -> None:
        names = tuple(sorted(amounts))
        deltas = {f"delta_{at}": amounts[name] for at, name in enumerate(names)}
        self._db.execute(_shifted(names), {"provider": provider_id, **deltas})

    def _burn(self, deltas: Mapping[str, Mapping[str, int]]) -> None:
        """Keep devices for one use from whoever comes next, until an operator frees them."""
        taken = sorted(
            provider_id
            for provider_id, amounts in deltas.items()
            if any(delta > 0 and name not in _EVERYDAY for name, delta in amounts.items())
        )
        if not taken:
            return
        query = sa.select(T.provider_id).where(T.provider_id.in_(taken), T.trait == ONE_TIME_USE)
        burnt = sorted(self._db.execute(query).scalars())
        if burnt:
            self._db.execute(
                sa.update(placement.inventories)
                .where(I.provider_id.in_(burnt))
                .values(reserved=I.total, capacity=0)
            )


@functools.lru_cache(maxsize=256)
def _shifted(names: tuple[str, ...]) -> sa.Update:
    deltas = {name: sa.bindparam(f"delta_{at}", type_=sa.Integer) for at, name in enumerate(names)}
    return (
        sa.update(placement.inventories)
        .where(I.provider_id == sa.bindparam("provider"), I.resource_class.in_(names))
        .values(used=I.used + sa.case(deltas, value=I.resource_class))
    )


_CONSUMERS: sa.BindParameter[Any] = sa.bindparam("consumers", expanding=True)
_HELD = sa.select(A.consumer_id, A.provider_id, A.resource_class, A.amount).where(
    A.consumer_id.in_(_CONSUMERS)
)
_INSERT = sa.insert(placement.allocations)
_DELETE = sa.delete(placement.allocations).where(A.consumer_id.in_(_CONSUMERS))
_INSERT_CONSUMER = sa.insert(placement.consumers).values(created_at=utc_now())
_UPDATE_CONSUMER = (
    sa.update(placement.consumers)
    .where(C.id == sa.bindparam("consumer"))
    .values(generation=C.generation + 1, updated_at=utc_now())
)
_DELETE_CONSUMERS = sa.delete(placement.consumers).where(C.id.in_(_CONSUMERS))
_LOCK_PROVIDERS = (
    sa.select(P.id, P.generation)
    .where(P.id.in_(sa.bindparam("providers", expanding=True)))
    .order_by(P.id)
    .with_for_update()
)
_LOCK_FREE_PROVIDERS = _LOCK_PROVIDERS.with_for_update(skip_locked=True)
_UPDATE_PROVIDER = (
    sa.update(placement.providers)
    .where(P.id == sa.bindparam("provider"))
    .values(consumers=P.consumers + sa.bindparam("joined"), updated_at=utc_now())
)
_BUMP_PROVIDER = _UPDATE_PROVIDER.values(generation=P.generation + 1)
CONSUMERS = sa.select(
    C.id, C.project_id, C.user_id, C.consumer_type, C.generation, C.created_at, C.updated_at
)
_LOCK_CONSUMERS = CONSUMERS.where(C.id.in_(_CONSUMERS)).order_by(C.id).with_for_update()


def without_zeros(resources: Holdings) -> dict[str, dict[str, int]]:
    """Return what is left when amounts of nothing are left out."""
    found = {
        provider_id: {name: amount for name, amount in amounts.items() if amount}
        for provider_id, amounts in resources.items()
    }
    return {provider_id: amounts for provider_id, amounts in found.items() if amounts}


def providers_of(changes: Sequence[Change]) -> set[str]:
    """Return the providers that changes touch."""
    return {provider for change in changes for provider in (*change.before, *change.after)}


def _deltas(changes: Sequence[Change]) -> dict[str, dict[str, int]]:
    totals: dict[str, Counter[str]] = {}
    for change in changes:
        for sign, holdings in ((-1, change.before), (1, change.after)):
            for provider_id, amounts in holdings.items():
                total = totals.setdefault(provider_id, Counter())
                for name, amount in amounts.items():
                    total[name] += sign * amount
    found = {p: {n: d for n, d in total.items() if d} for p, total in totals.items()}
    return {provider_id: amounts for provider_id, amounts in found.items() if amounts}


def _consumer(allocation: Allocation) -> dict[str, Any]:
    return {
        "project_id": allocation.project_id,
        "user_id": allocation.user_id,
        "consumer_type": allocation.consumer_type,
    }


def _stale_consumer(allocation: Allocation, found: int | None) -> errors.StaleGeneration:
    given = "null" if allocation.consumer_generation is None else allocation.consumer_generation
    return errors.StaleGeneration(
        f"consumer generation conflict - expected {'null' if found is None else found} "
        f"but got {given} (consumer {allocation.consumer_id})",
        code=CONCURRENT_UPDATE,
    )


def _check_amount(provider_id: str, name: str, amount: int, inventory: Inventory | None) -> None:
    if inventory is None:
        raise errors.Conflict(
            f"Unable to allocate inventory: Inventory for '{name}' on resource provider "
            f"'{provider_id}' invalid."
        )
    if not inventory.min_unit <= amount <= inventory.max_unit or amount % inventory.step_size:
        raise errors.Conflict(
            f"Unable to allocate inventory: {amount} of {name} is not an amount that resource "
            f"provider '{provider_id}' hands out."
        )


def _over_capacity(provider_id: str, name: str) -> errors.Conflict:
    return errors.Conflict(
        f"Unable to allocate inventory: Unable to create allocation for '{name}' on resource "
        f"provider '{provider_id}'. The requested amount would exceed the capacity."
    )
