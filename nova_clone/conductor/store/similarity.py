"""Servers whose images have properties in common."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import sqlalchemy as sa

from nova_clone.conductor.store.encoding import dump
from nova_clone.conductor.store.session import Session
from nova_clone.conductor.store.tables import cell

#: How many properties are compared at most.
MOST_PROPERTIES = 128

T = cell.servers.c


def similar_servers(session: Session, properties: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """Return host → property → how many of its servers have the same value.

    It reads every server that is not deleted, once. Letter case may or may not count, as the
    database has it.
    """
    compared = dict(itertools.islice(properties.items(), MOST_PROPERTIES))
    if not compared:
        return {}
    counts = [
        sa.func.sum(sa.case((_has(name, value), 1), else_=0)) for name, value in compared.items()
    ]
    query = (
        sa.select(T.host, *counts)
        .where(T.deleted == sa.false(), T.host.is_not(None))
        .group_by(T.host)
    )
    rows = session.cell_db.execute(query).all()
    found = {
        row[0]: {name: int(count) for name, count in zip(compared, row[1:], strict=True) if count}
        for row in rows
    }
    return {host: common for host, common in found.items() if common}


def _has(name: str, value: str) -> sa.ColumnElement[bool]:
    # Both are parts of one JSON text, in which quotes inside a text are escaped.
    member = dump({name: value})[1:-1]
    return T.image_properties.contains(member, autoescape=True)
