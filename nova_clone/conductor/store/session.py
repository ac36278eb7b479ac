"""One transaction over up to three databases."""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from oslo_db import exception as db_errors

from nova_clone.conductor.store.columns import UTC, utc_now
from nova_clone.conductor.store.engines import READ_ONLY, Database
from nova_clone.conductor.store.sequence import ChangeSequence
from nova_clone.conductor.store.settings import StoreSettings
from nova_clone.domain import errors


class TableSet(enum.IntEnum):
    """A set of tables; the order is the order of commits."""

    GLOBAL = 1
    PLACEMENT = 2
    CELL = 3


Clock = Callable[[], dt.datetime]

_CLOCK = sa.select(utc_now())


class Session:
    """Connections opened on first use, one per database, committed together.

    With one database everything is one transaction. With several, the commits follow each
    other: global, placement, cell. Workflow marks are in the cell, so a crash between two
    commits leaves a step without its mark; the step is then repeated, and what it had
    written to the other sets already is found to be as wanted.
    """

    def __init__(
        self,
        databases: Mapping[TableSet, Database],
        settings: StoreSettings,
        *,
        write: bool,
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._databases = databases
        self._write = write
        self._opened: dict[int, sa.Connection] = {}
        self._resources = contextlib.ExitStack()
        self._now: dt.datetime | None = None
        self._sequences: dict[tuple[TableSet, str], ChangeSequence] = {}

    @property
    def global_db(self) -> sa.Connection:
        """Return the connection to the tables of the whole cloud."""
        return self._connection(TableSet.GLOBAL)

    @property
    def placement_db(self) -> sa.Connection:
        """Return the connection to the tables of Placement."""
        return self._connection(TableSet.PLACEMENT)

    @property
    def cell_db(self) -> sa.Connection:
        """Return the connection to the tables of the cell."""
        return self._connection(TableSet.CELL)

    def now(self) -> dt.datetime:
        """Return the clock of the cell's database, read once per transaction."""
        if self._now is None:
            connection = self.cell_db
            if self._clock is not None:
                self._now = self._clock()
            elif connection.dialect.name == "sqlite":
                # The same clock, with more digits than SQLite gives.
                self._now = dt.datetime.now(UTC)
            else:
                now: dt.datetime = connection.execute(_CLOCK).scalar_one()
                self._now = now
        return self._now

    def clock_read(self, now: dt.datetime) -> None:
        """Take `now`, which a statement of this transaction returned, as its time."""
        if self._now is None and self._clock is None and self.cell_db.dialect.name != "sqlite":
            self._now = now

    def sequence(self, table_set: TableSet, table: sa.Table, name: str) -> ChangeSequence:
        """Return the change counter `name` of this transaction."""
        found = self._sequences.get((table_set, name))
        if found is None:
            found = ChangeSequence(self._connection(table_set), table, name)
            self._sequences[table_set, name] = found
        return found

    def commit(self) -> None:
        """Make everything permanent.

        Raises `Unavailable` when a connection broke so late that the outcome is unknown.
        """
        # Counters come last and in one order: whoever holds one waits for nobody.
        for _key, sequence in sorted(self._sequences.items(), key=_by_key):
            sequence.flush()
        committed = False
        for table_set in TableSet:
            connection = self._opened.get(id(self._databases[table_set]))
            if connection is None or not connection.in_transaction():
                continue
            try:
                connection.commit()
            except db_errors.DBError as error:
                # Its transaction may still be open, and nobody would end it.
                connection.invalidate()
                if committed or isinstance(error, db_errors.DBConnectionError):
                    raise errors.Unavailable(
                        "The database was lost during a commit; its outcome is unknown."
                    ) from error
                raise
            committed = True

    def close(self) -> None:
        """Give the connections back; what was not committed is undone."""
        self._resources.close()

    def _connection(self, table_set: TableSet) -> sa.Connection:
        database = self._databases[table_set]
        connection = self._opened.get(id(database))
        if connection is None:
            connection = self._open(database)
            self._opened[id(database)] = connection
        return connection

    def _open(self, database: Database) -> sa.Connection:
        if self._write:
            self._resources.enter_context(database.writing())
        engine = database.engine if self._write else database.reader
        connection = self._resources.enter_context(engine.connect())
        if not self._write and connection.dialect.name == "sqlite":
            connection.execution_options(**{READ_ONLY: True})
        connection.begin()
        return connection


def _by_key(item: tuple[tuple[TableSet, str], Any]) -> tuple[TableSet, str]:
    return item[0]
