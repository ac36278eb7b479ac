"""Column types that mean the same on SQLite, MariaDB/MySQL and PostgreSQL."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import functions

UTC = dt.UTC

#: Options of every table; names and ids compare byte by byte everywhere.
TABLE_OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_bin",
}


class UtcDateTime(sa.types.TypeDecorator[dt.datetime]):
    """A moment in UTC with microseconds, aware in Python and naive in the database."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Keep microseconds on MySQL, which drops them by default."""
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(sa.DateTime())

    def process_bind_param(
        self, value: dt.datetime | None, dialect: sa.Dialect
    ) -> dt.datetime | None:
        """Take the zone off, in UTC."""
        if value is None or value.tzinfo is None:
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(
        self, value: dt.datetime | None, dialect: sa.Dialect
    ) -> dt.datetime | None:
        """Put the zone back on."""
        return None if value is None else value.replace(tzinfo=UTC)


class utc_now(functions.FunctionElement[dt.datetime]):  # noqa: N801 - reads as SQL
    """The database's clock, in UTC; it goes on within a transaction."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(utc_now)
def _utc_now(element: utc_now, compiler: Any, **kw: Any) -> str:
    return "(clock_timestamp() AT TIME ZONE 'UTC')"


@compiles(utc_now, "mysql")
@compiles(utc_now, "mariadb")
def _utc_now_mysql(element: utc_now, compiler: Any, **kw: Any) -> str:
    return "UTC_TIMESTAMP(6)"


@compiles(utc_now, "sqlite")
def _utc_now_sqlite(element: utc_now, compiler: Any, **kw: Any) -> str:
    return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"


def uuid_type() -> sa.String:
    """Return the type of a UUID in text form."""
    return sa.String(36)


def name_type() -> sa.String:
    """Return the type of a name."""
    return sa.String(255)


def document_type() -> sa.types.TypeEngine[str]:
    """Return the type of a JSON text or another long text, up to 16 MiB."""
    return sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


def number_type() -> sa.types.TypeEngine[int]:
    """Return the type of a number that counts up for years."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def inserted_key(result: sa.CursorResult[Any]) -> int:
    """Return the number that the database gave to the one row just inserted."""
    key = result.inserted_primary_key
    if key is None:
        raise ValueError("The statement has not inserted one row.")
    return int(key[0])


def number_key() -> sa.Column[int]:
    """Return the primary key of a table whose rows are numbered."""
    return sa.Column("number", number_type(), primary_key=True, autoincrement=True)
