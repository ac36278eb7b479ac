"""Engines: one per database, hardened the same way for all three kinds."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import select
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from oslo_db import exception as db_errors
from oslo_db.sqlalchemy import exc_filters

from nova_clone.conductor.store.settings import StoreSettings

#: Execution option of a connection whose transaction only reads.
READ_ONLY = "store_read_only"
#: Connections that are kept at least, up to the limit that is configured: under load each one
#: beyond would be opened and closed again and again, at the price of many transactions.
KEPT = 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class Database:
    """One database: engines to write and to read with, and a lock for writers to SQLite.

    ``reader`` runs each statement by itself, which spares the commands around a transaction:
    under READ COMMITTED they would not make several statements any more consistent. Writers
    of one process queue on ``write_lock`` instead of polling SQLite's file lock.
    """

    engine: sa.Engine
    reader: sa.Engine
    write_lock: threading.Lock | None = None
    lock_timeout: float = 30.0

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the right to write; raises `RetryRequest` when it is not to be had in time."""
        if self.write_lock is None:
            yield
            return
        if not self.write_lock.acquire(timeout=self.lock_timeout):
            raise db_errors.RetryRequest(TimeoutError("The SQLite database stays locked."))
        try:
            yield
        finally:
            self.write_lock.release()

    def close(self) -> None:
        """Close every connection that is not in use."""
        self.engine.dispose()
        self.reader.dispose()


def load_drivers(urls: Iterable[str]) -> None:
    """Import the drivers of these databases; one that cannot be is missed by `open_database`."""
    for url in urls:
        with contextlib.suppress(sa.exc.ArgumentError, ImportError):
            sa.make_url(url).get_dialect().import_dbapi()


def open_database(url: str, settings: StoreSettings) -> Database:
    """Return the database at `url`; nothing is connected yet."""
    parsed = sa.make_url(url)
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        engine = _sqlite_engine(parsed, settings)
        return Database(
            engine=engine,
            reader=engine,
            write_lock=threading.Lock(),
            lock_timeout=settings.busy_timeout,
        )
    if kind in {"mysql", "mariadb"} and "charset" not in parsed.query:
        parsed = parsed.update_query_dict({"charset": "utf8mb4"})
    most = settings.pool_size + settings.max_overflow
    kept = min(most, max(settings.pool_size, KEPT))
    engines = [
        _engine(
            parsed,
            pool_size=kept,
            max_overflow=most - kept,
            pool_timeout=settings.pool_timeout,
            pool_recycle=settings.recycle_time,
            **options,
        )
        for options in ({}, {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True})
    ]
    if kind in {"mysql", "mariadb"}:
        for engine in engines:
            sa.event.listen(engine, "connect", _prepare_mysql)
    return Database(engine=engines[0], reader=engines[1])


def _engine(url: sa.URL, **options: Any) -> sa.Engine:
    # Connections come back with their transaction ended, and one that was lost shows at the
    # first statement, which is then repeated: neither a reset nor a ping has to be sent.
    engine = sa.create_engine(url, pool_reset_on_return=None, **options)
    sa.event.listen(engine, "connect", _note_process)
    sa.event.listen(engine, "checkout", _check_process)
    sa.event.listen(engine, "checkin", _let_others_run)
    exc_filters.register_engine(engine)
    return engine


def _note_process(_dbapi_connection: Any, record: Any) -> None:
    record.info["pid"] = os.getpid()


def _check_process(_dbapi_connection: Any, record: Any, proxy: Any) -> None:
    if record.info["pid"] != os.getpid():
        # Closing it here would end the session of the other process.
        record.dbapi_connection = proxy.dbapi_connection = None
        raise sa.exc.DisconnectionError("The connection belongs to another process.")


def _let_others_run(_dbapi_connection: Any, _record: Any) -> None:
    # Drivers in C never give way to other green threads by themselves. Between threads of the
    # system this returns at once, where a sleep of no length waits for the kernel's timer.
    select.select((), (), (), 0)


def _prepare_mysql(dbapi_connection: Any, _record: Any) -> None:
    # READ COMMITTED, PostgreSQL's default, spares the gap locks that make deadlocks.
    with contextlib.closing(dbapi_connection.cursor()) as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        cursor.execute("SET SESSION sql_mode = 'TRADITIONAL'")


def _sqlite_engine(url: sa.URL, settings: StoreSettings) -> sa.Engine:
    in_memory = url.database in {None, "", ":memory:"}
    engine = _engine(
        url,
        poolclass=sa.pool.QueuePool,
        # A database in memory is its one connection: transactions queue for it.
        pool_size=1 if in_memory else settings.pool_size,
        max_overflow=0 if in_memory else settings.max_overflow,
        pool_timeout=settings.pool_timeout,
        connect_args={"check_same_thread": False, "timeout": settings.busy_timeout},
    )
    sa.event.listen(engine, "connect", _sqlite_preparation(settings, in_memory=in_memory))
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _sqlite_preparation(settings: StoreSettings, *, in_memory: bool) -> Callable[[Any, Any], None]:
    synchronous = "FULL" if settings.sqlite_synchronous else "OFF"

    def prepare(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None
        if not in_memory:
            dbapi_connection.execute("PRAGMA journal_mode = WAL")
            dbapi_connection.execute(f"PRAGMA synchronous = {synchronous}")

    return prepare


def _begin_sqlite(connection: sa.Connection) -> None:
    # A writer that began as a reader could not be promoted while another one writes.
    reading = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def is_transient(error: db_errors.DBError) -> bool:
    """Tell whether the same transaction may succeed when it is run again."""
    if isinstance(error, db_errors.DBDeadlock | db_errors.DBConnectionError):
        return True
    text = str(error)
    return "database is locked" in text or "Lock wait timeout" in text
