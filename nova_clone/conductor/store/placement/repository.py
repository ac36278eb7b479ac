"""Placement's records as one repository: commits, and what was committed since."""

from __future__ import annotations

import sqlalchemy as sa

from nova_clone.conductor.store.placement.host_trees import HostTrees
from nova_clone.conductor.store.placement.records import P
from nova_clone.conductor.store.sequence import HORIZON
from nova_clone.conductor.store.tables import placement
from nova_clone.contracts.placement_store import PlacementChanges
from nova_clone.domain.resources import Provider

#: Providers in one answer: a message must stay far below what a broker takes.
PAGE = 500


class PlacementRepository(HostTrees):
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
