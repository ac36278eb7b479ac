"""Engines: one per database, hardened the same way for all three kinds."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from oslo_db import exception as db_errors
from oslo_db.sqlalchemy import engines as oslo_engines
from oslo_db.sqlalchemy import exc_filters

from nova_clone.conductor.store.settings import StoreSettings

#: Execution option of a connection whose transaction only reads.
READ_ONLY = "store_read_only"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Database:
    """One database: its engine, and what a process takes before it writes to SQLite.

    Writers of one process queue on ``write_lock`` instead of polling SQLite's file lock.
    """

    engine: sa.Engine
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


def open_database(url: str, settings: StoreSettings) -> Database:
    """Return the database at `url`; nothing is connected yet."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return Database(
            engine=_sqlite_engine(parsed, settings),
            write_lock=threading.Lock(),
            lock_timeout=settings.busy_timeout,
        )
    if parsed.get_backend_name() in {"mysql", "mariadb"} and "charset" not in parsed.query:
        parsed = parsed.update_query_dict({"charset": "utf8mb4"})
    engine: sa.Engine = oslo_engines.create_engine(
        parsed,
        max_pool_size=settings.pool_size,
        max_overflow=settings.max_overflow,
        pool_timeout=settings.pool_timeout,
        connection_recycle_time=settings.recycle_time,
        mysql_sql_mode="TRADITIONAL",
        max_retries=0,
    )
    if parsed.get_backend_name() in {"mysql", "mariadb"}:
        sa.event.listen(engine, "connect", _read_committed)
    return Database(engine=engine)


def _read_committed(dbapi_connection: Any, _record: Any) -> None:
    # The default of PostgreSQL; on MySQL it spares the gap locks that make deadlocks.
    with contextlib.closing(dbapi_connection.cursor()) as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")


def _sqlite_engine(url: sa.URL, settings: StoreSettings) -> sa.Engine:
    in_memory = url.database in {None, "", ":memory:"}
    engine = sa.create_engine(
        url,
        poolclass=sa.pool.QueuePool,
        # A database in memory is its one connection: transactions queue for it.
        pool_size=1 if in_memory else settings.pool_size,
        max_overflow=0 if in_memory else settings.max_overflow,
        pool_timeout=settings.pool_timeout,
        connect_args={"check_same_thread": False, "timeout": settings.busy_timeout},
    )
    synchronous = "FULL" if settings.sqlite_synchronous else "OFF"

    def on_connect(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None
        dbapi_connection.execute("PRAGMA foreign_keys = ON")
        if not in_memory:
            dbapi_connection.execute("PRAGMA journal_mode = WAL")
            dbapi_connection.execute(f"PRAGMA synchronous = {synchronous}")

    sa.event.listen(engine, "connect", on_connect)
    sa.event.listen(engine, "begin", _begin_sqlite)
    exc_filters.register_engine(engine)
    return engine


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
