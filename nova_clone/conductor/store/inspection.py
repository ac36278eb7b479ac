"""What operators' commands look for: rows that do not belong together."""

from __future__ import annotations

import sqlalchemy as sa

from nova_clone.conductor.store.session import Session
from nova_clone.conductor.store.tables import cell, global_, placement

P = placement.providers.c
A = placement.allocations.c
C = placement.consumers.c
M = global_.server_group_members.c
V = cell.servers.c
#: Members that are looked at together.
_BATCH = 1000


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


def strangers(session: Session) -> dict[str, str]:
    """Return the group of each member of server groups of whom there is no record."""
    found: dict[str, str] = {}
    last = 0
    while True:
        query = sa.select(M.number, M.server_id, M.group_id).where(M.number > last)
        rows = session.global_db.execute(query.order_by(M.number).limit(_BATCH)).all()
        if not rows:
            return found
        last = rows[-1].number
        ids = [row.server_id for row in rows]
        there = frozenset(session.cell_db.execute(sa.select(V.id).where(V.id.in_(ids))).scalars())
        found.update({row.server_id: row.group_id for row in rows if row.server_id not in there})
