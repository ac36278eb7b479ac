"""Allocations as the Placement API has them, and their end."""

from __future__ import annotations

import sqlalchemy as sa

from nova_clone.conductor.store.placement.claims import ClaimRecords
from nova_clone.conductor.store.placement.holdings import CONSUMERS, A, C, providers_of
from nova_clone.conductor.store.tables import placement
from nova_clone.contracts.placement_store import (
    AllocationQuery,
    Allocations,
    ConsumerUsage,
    PutAllocations,
    Reshape,
    UsageQuery,
    Usages,
)
from nova_clone.domain.resources import Allocation


class AllocationRecords(ClaimRecords):
    """Allocations and their consumers."""

    def put_allocations(self, request: PutAllocations) -> None:
        """Replace what consumers hold.

        Raises `Invalid` for an unknown provider or class, `StaleGeneration`, and `Conflict`
        when an amount does not fit.
        """
        changes = self._changes(request.allocations, check=request.check_generation)
        self._apply(changes, pinned=request.provider_generations)

    def release(self, consumer_id: str) -> bool:
        """Take away everything that a consumer holds; False when that is nothing."""
        nothing = Allocation(consumer_id=consumer_id)
        changes = self._changes((nothing,), check=False)
        if changes[0].generation is None:
            return False
        self._apply(changes)
        return True

    def reshape(self, request: Reshape) -> None:
        """Replace inventories and allocations together; raises as their own verbs do."""
        changes = self._changes(request.allocations, check=True)
        ids = {item.provider_id for item in request.inventories} | providers_of(changes)
        pinned = {item.provider_id: item.generation for item in request.inventories}
        for provider_id in sorted(ids):
            self._lock(provider_id, pinned.get(provider_id))
        present = self._inventories(sorted(ids))
        for item in request.inventories:
            self._check_classes(item.inventories)
            self._write(item.provider_id, item.inventories, present.get(item.provider_id, {}))
        self._apply(changes, recheck=True)
        for item in request.inventories:
            gone = present.get(item.provider_id, {}).keys() - item.inventories.keys()
            self._remove(item.provider_id, gone)
            # As if they were replaced twice, around the allocations: clients count on it.
            self._changed(item.provider_id, generation=2)

    def allocations(self, request: AllocationQuery) -> Allocations:
        """Return what consumers hold, or what is held of a provider; raises `NotFound`."""
        consumers = request.consumers
        if request.provider_id is not None:
            self.provider(request.provider_id)
            query = sa.select(A.consumer_id).where(A.provider_id == request.provider_id)
            consumers = tuple(self._db.execute(query.distinct()).scalars())
        if not consumers:
            return Allocations()
        held = self._held(consumers, provider_id=request.provider_id)
        rows = self._db.execute(CONSUMERS.where(C.id.in_(consumers)).order_by(C.id))
        return Allocations(
            allocations=tuple(
                Allocation(
                    consumer_id=row.id,
                    resources=held.get(row.id, {}),
                    project_id=row.project_id,
                    user_id=row.user_id,
                    consumer_type=row.consumer_type,
                    consumer_generation=row.generation,
                    updated_at=row.updated_at or row.created_at,
                )
                for row in rows
            )
        )

    def usages(self, request: UsageQuery) -> Usages:
        """Return what a project, or one user of it, uses by consumer type."""
        mine = [C.project_id == request.project_id]
        if request.user_id is not None:
            mine.append(C.user_id == request.user_id)
        counts = self._db.execute(
            sa.select(C.consumer_type, sa.func.count()).where(*mine).group_by(C.consumer_type)
        )
        sums = self._db.execute(
            sa.select(C.consumer_type, A.resource_class, sa.func.sum(A.amount))
            .join_from(placement.consumers, placement.allocations, A.consumer_id == C.id)
            .where(*mine)
            .group_by(C.consumer_type, A.resource_class)
        )
        amounts: dict[str | None, dict[str, int]] = {}
        for kind, name, amount in sums:
            amounts.setdefault(kind, {})[name] = int(amount)
        return Usages(
            usages=tuple(
                ConsumerUsage(consumer_type=kind, consumers=count, resources=amounts.get(kind, {}))
                for kind, count in counts
            )
        )
