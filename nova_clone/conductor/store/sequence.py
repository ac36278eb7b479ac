"""Change counters: readers ask for the rows that changed after a number they know.

The counter is raised at the end of a transaction and stays locked until its commit. So
numbers are committed in their order, and whoever has read a number has everything that was
stamped with it or a lower one.
"""

from __future__ import annotations

import functools
from typing import Any

import sqlalchemy as sa
from oslo_db import exception as db_errors

#: How far back removals are remembered.
HORIZON = 100_000


# What SQLAlchemy makes of a statement is kept with it, so these are made once per table.
@functools.cache
def _number(table: sa.Table) -> sa.ScalarSelect[Any]:
    return sa.select(table.c.value).where(table.c.name == sa.bindparam("counter")).scalar_subquery()


@functools.cache
def _read(table: sa.Table) -> sa.Select[Any]:
    return sa.select(_number(table))


@functools.cache
def _raised(table: sa.Table) -> sa.Update:
    mine = table.c.name == sa.bindparam("counter")
    return sa.update(table).where(mine).values(value=table.c.value + 1)


@functools.cache
def _stamped(column: sa.Column[Any], table: sa.Table) -> sa.Update:
    touched = column.in_(sa.bindparam("touched", expanding=True))
    return sa.update(column.table).where(touched).values(sequence=_number(table))


class ChangeSequence:
    """One counter within one transaction, and the rows to be stamped with its next number."""

    def __init__(self, connection: sa.Connection, table: sa.Table, name: str) -> None:
        self._connection = connection
        self._table = table
        self._name = name
        self._touched: dict[sa.Column[Any], set[str]] = {}
        self._removed: dict[sa.Column[Any], set[str]] = {}
        self._marks: set[str] = set()
        self._raised = False

    def value(self) -> int:
        """Return the number of the last committed change."""
        found = self._connection.execute(_read(self._table), {"counter": self._name}).scalar()
        return int(found or 0)

    def touch(self, column: sa.Column[Any], key: str) -> None:
        """Stamp the row whose `column` is `key`, which the transaction has locked already."""
        self._touched.setdefault(column, set()).add(key)

    def remove(self, column: sa.Column[Any], key: str) -> None:
        """Remember in the table of `column` that `key` is gone."""
        for keys in self._touched.values():
            keys.discard(key)
        self._removed.setdefault(column, set()).add(key)

    def restore(self, column: sa.Column[Any], key: str) -> None:
        """Forget that `key` was removed: it is back."""
        self._removed.get(column, set()).discard(key)
        self._connection.execute(sa.delete(column.table).where(column == key))

    def bump(self) -> None:
        """Raise the counter though no row is stamped."""
        self._raised = True

    def mark(self, name: str) -> None:
        """Raise the counter, and keep its number beside it under `name`."""
        self._marks.add(name)
        self._raised = True

    def flush(self) -> None:
        """Raise the counter and stamp the rows, if there is a reason to."""
        if not (self._raised or any(self._touched.values()) or any(self._removed.values())):
            return
        self._raise()
        for column, keys in self._touched.items():
            self._connection.execute(
                _stamped(column, self._table), {"touched": sorted(keys), "counter": self._name}
            )
        for column, keys in self._removed.items():
            self._bury(column, sorted(keys))
        for name in sorted(self._marks):
            self._set(name, self.value())
        self._marks.clear()
        self._touched.clear()
        self._removed.clear()
        self._raised = False

    def _raise(self) -> None:
        changed = self._connection.execute(_raised(self._table), {"counter": self._name})
        if not changed.rowcount:
            self._add(self._name, 1)

    def _set(self, name: str, value: int) -> None:
        table = self._table
        changed = self._connection.execute(
            sa.update(table).where(table.c.name == name).values(value=value)
        )
        if not changed.rowcount:
            self._add(name, value)

    def _add(self, name: str, value: int) -> None:
        try:
            self._connection.execute(sa.insert(self._table).values(name=name, value=value))
        except db_errors.DBDuplicateEntry as error:
            raise db_errors.RetryRequest(error) from error

    def _bury(self, column: sa.Column[Any], keys: list[str]) -> None:
        table = column.table
        value = self.value()
        self._connection.execute(sa.delete(table).where(column.in_(keys)))
        self._connection.execute(
            sa.insert(table), [{column.name: key, "sequence": value} for key in keys]
        )
        self._connection.execute(sa.delete(table).where(table.c.sequence < value - HORIZON))
