"""Placement's records as one repository: commits, and what was committed since."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import sqlalchemy as sa

from nova_clone.conductor.store.placement.allocations import AllocationRecords
from nova_clone.conductor.store.placement.names import CUSTOM, standard_traits
from nova_clone.conductor.store.placement.records import P
from nova_clone.conductor.store.sequence import HORIZON
from nova_clone.conductor.store.tables import placement
from nova_clone.contracts.placement_store import (
    PlacementChanges,
    PutInventories,
    PutProvider,
    PutTraits,
)
from nova_clone.domain.host import HostResources
from nova_clone.domain.resources import Inventory, Provider

#: Providers in one answer: a message must stay far below what a broker takes.
PAGE = 500


class PlacementRepository(AllocationRecords):
    """Placement. Every changed provider is stamped with the number of its commit."""

    def changes(self, since: int, after: str | None = None) -> PlacementChanges:
        """Return what was committed after change number `since`, or the page after `after`."""
        if after is not None:
            providers, more = self._page(P.id > after)
            return PlacementChanges(sequence=since, providers=providers, more=more)
        # Read first: a change that is committed meanwhile is told now, or next time.
        table = placement.sequences.c
        numbers = dict(self._db.execute(sa.select(table.name, table.value)).all())
        now = numbers.get("providers", 0)
        if since == now and now:
            return PlacementChanges(sequence=now)
        reset = not max(1, now - HORIZON) <= since <= now
        gone = placement.removed_providers.c
        removed = sa.select(gone.id).where(gone.sequence > since).order_by(gone.id)
        away = () if reset else tuple(self._db.execute(removed).scalars())
        providers, more = self._page() if reset else self._page(P.sequence > since)
        if more is not None and not reset:
            reset, away = True, ()
            providers, more = self._page()
        return PlacementChanges(
            sequence=now,
            more=more,
            reset=reset,
            removed=away,
            providers=providers,
            classes=self.custom_resource_classes()
            if reset or numbers.get("classes", 0) > since
            else None,
            traits=self.custom_traits() if reset or numbers.get("traits", 0) > since else None,
        )

    def _page(self, *clauses: sa.ColumnElement[bool]) -> tuple[tuple[Provider, ...], str | None]:
        """Return providers, and the id of the last one when they are not all."""
        found = self._providers(*clauses, limit=PAGE + 1)
        if len(found) <= PAGE:
            return found, None
        return found[:PAGE], found[PAGE - 1].id

    def sync_host(self, resources: HostResources, *, initial_ratios: Collection[str] = ()) -> bool:
        """Bring the provider of a compute node in line with what its host reported.

        Custom traits that others gave it stay, and so do inventories that are in use. The
        allocation ratios of the classes in `initial_ratios` are only proposed.
        False when nothing had to be changed; raises `AlreadyExists` for a name in use.
        """
        known = {trait for trait in resources.traits if trait in standard_traits()}
        custom = {trait for trait in resources.traits if trait.startswith(CUSTOM)}
        found = self._providers(P.id == resources.uuid)
        provider = found[0] if found else self._host_provider(resources)
        changed = not found
        if provider.name != resources.hypervisor_hostname:
            self.put_provider(
                PutProvider(
                    id=provider.id,
                    name=resources.hypervisor_hostname,
                    create=False,
                    keep_parent=True,
                )
            )
            changed = True
        inventories = _reported(resources, provider, initial_ratios)
        if inventories != provider.inventories:
            self.put_inventories(PutInventories(provider_id=provider.id, inventories=inventories))
            changed = True
        traits = known | custom | {t for t in provider.traits if t.startswith(CUSTOM)}
        if traits != set(provider.traits):
            for trait in sorted(custom):
                self.ensure_trait(trait)
            self.put_traits(PutTraits(provider_id=provider.id, traits=tuple(sorted(traits))))
            changed = True
        return changed

    def _host_provider(self, resources: HostResources) -> Provider:
        return self.put_provider(PutProvider(id=resources.uuid, name=resources.hypervisor_hostname))


def _reported(
    resources: HostResources, provider: Provider, initial_ratios: Collection[str]
) -> dict[str, Inventory]:
    """Return reported inventories with the use on record, plus others that are in use."""
    wanted = {name: item for name, item in provider.inventories.items() if item.used}
    for name, item in resources.inventories.items():
        present = provider.inventories.get(name)
        wanted[name] = dataclasses.replace(
            item,
            allocation_ratio=(
                present.allocation_ratio
                if present is not None and name in initial_ratios
                else item.allocation_ratio
            ),
            used=present.used if present else 0,
        )
    return wanted
