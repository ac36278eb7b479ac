"""Pages of lists: an order, and how to go on after a marker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

Clause = sa.ColumnElement[bool]


def page_size(limit: int | None, maximum: int) -> int:
    """Return how many rows a page may have."""
    return maximum if limit is None else min(limit, maximum)


class KeysetOrder:
    """An order over columns, each ascending or not; nulls count as smallest.

    The last column must be unique and never null.
    """

    def __init__(self, keys: Sequence[tuple[sa.Column[Any], bool]]) -> None:
        self._keys = tuple(keys)

    @property
    def columns(self) -> list[sa.Column[Any]]:
        """Return the columns whose values place a row."""
        return [column for column, _ascending in self._keys]

    def expressions(self) -> Iterator[sa.ColumnElement[Any]]:
        """Return what to order by."""
        for column, ascending in self._keys:
            if column.nullable:
                known = sa.case((column.is_(None), 0), else_=1)
                yield known.asc() if ascending else known.desc()
            yield column.asc() if ascending else column.desc()

    def after(self, values: Sequence[Any]) -> Clause:
        """Return the condition that a row comes after the one with these `values`."""
        clause: Clause = sa.false()
        for (column, ascending), value in zip(reversed(self._keys), reversed(values), strict=True):
            beyond = _beyond(column, value, ascending=ascending)
            same = column.is_(None) if value is None else column == value
            clause = sa.or_(beyond, sa.and_(same, clause))
        return clause


def _beyond(column: sa.Column[Any], value: Any, *, ascending: bool) -> Clause:
    if ascending:
        return column.is_not(None) if value is None else column > value
    if value is None:
        return sa.false()
    below: Clause = column < value
    return sa.or_(below, column.is_(None)) if column.nullable else below
