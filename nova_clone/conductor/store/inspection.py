"""What operators' commands look for: rows that do not belong together."""

from __future__ import annotations

import sqlalchemy as sa

from nova_clone.conductor.store.session import Session
from nova_clone.conductor.store.tables import cell, placement

P = placement.providers.c
A = placement.allocations.c
C = placement.consumers.c


def rootless(session: Session) -> tuple[str, ...]:
    """Return the providers whose root is missing or has a parent itself."""
    root = placement.providers.alias("root")
    query = (
        sa.select(P.id)
        .join_from(placement.providers, root, root.c.id == P.root_id, isouter=True)
        .where(sa.or_(root.c.id.is_(None), root.c.parent_id.is_not(None)))
        .order_by(P.id)
    )
    return tuple(session.placement_db.execute(query).scalars())


def ownerless(session: Session) -> tuple[str, ...]:
    """Return the consumers of allocations that have no record, no project or no user."""
    query = (
        sa.select(A.consumer_id)
        .join_from(placement.allocations, placement.consumers, C.id == A.consumer_id, isouter=True)
        .where(sa.or_(C.project_id.is_(None), C.user_id.is_(None)))
        .distinct()
        .order_by(A.consumer_id)
    )
    return tuple(session.placement_db.execute(query).scalars())


def node_ids(session: Session) -> frozenset[str]:
    """Return the ids of all compute nodes, which their resource providers share."""
    return frozenset(session.cell_db.execute(sa.select(cell.compute_nodes.c.id)).scalars())
