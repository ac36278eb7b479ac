"""A small durable store of records: one SQLite file, one typed collection per kind."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import msgspec

from nova_clone.domain import errors

Scalar = str | int | bool | None


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


Record = TypeVar("Record", bound=_Dataclass)


class DocumentStore:
    """One SQLite file that many threads share.

    Every statement and every transaction holds the store's lock, so what a
    transaction reads cannot change under it. A commit survives the death of the
    process; the last commits before a power failure may be lost, never half kept.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._depth = 0
        self._connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=30
        )
        path.chmod(0o600)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute("PRAGMA cache_size=-1024")

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep everything done inside, or nothing if an error leaves the block.

        A transaction inside another is undone alone and kept only with the outer one.
        """
        with self._lock:
            name = f"level_{self._depth}"
            outermost = self._depth == 0
            self._connection.execute("BEGIN IMMEDIATE" if outermost else f"SAVEPOINT {name}")
            self._depth += 1
            try:
                yield
            except BaseException:
                if outermost:
                    self._connection.execute("ROLLBACK")
                else:
                    self._connection.execute(f"ROLLBACK TO {name}")
                    self._connection.execute(f"RELEASE {name}")
                raise
            else:
                self._connection.execute("COMMIT" if outermost else f"RELEASE {name}")
            finally:
                self._depth -= 1

    def collection(
        self,
        name: str,
        record: type[Record],
        *,
        key: str = "id",
        indexes: Sequence[str] = (),
        unique: Sequence[tuple[str, ...]] = (),
    ) -> Collection[Record]:
        """Return the collection `name` of `record`, made on first use.

        ``indexes`` are fields that are often asked for; each tuple of ``unique``
        names fields whose values together may occur once (None never collides).
        """
        fields = {field.name for field in dataclasses.fields(record)}
        named = {key, *indexes, *(field for together in unique for field in together)}
        if not name.isidentifier() or not named <= fields:
            raise ValueError(f"{name}: no such fields: {sorted(named - fields)}")
        with self.transaction():
            self._connection.execute(
                f"CREATE TABLE IF NOT EXISTS {name} "
                "(sequence INTEGER PRIMARY KEY AUTOINCREMENT,"
                " key TEXT NOT NULL UNIQUE, body TEXT NOT NULL)"
            )
            for field in indexes:
                self._index(name, (field,), kind="INDEX")
            for together in unique:
                self._index(name, together, kind="UNIQUE INDEX")
        return Collection(self, name, record, key)

    def execute(self, statement: str, parameters: Sequence[Scalar] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and return all its rows."""
        with self._lock:
            return self._connection.execute(statement, parameters).fetchall()

    def close(self) -> None:
        """Close the file; nothing can be read or written afterwards."""
        with self._lock:
            self._connection.close()

    def _index(self, name: str, fields: tuple[str, ...], *, kind: str) -> None:
        expressions = ", ".join(_field(field) for field in fields)
        self._connection.execute(
            f"CREATE {kind} IF NOT EXISTS {name}_by_{'_'.join(fields)} ON {name} ({expressions})"
        )


class Collection(Generic[Record]):
    """Records of one kind, each a frozen dataclass found by its key field."""

    def __init__(
        self, store: DocumentStore, name: str, record: type[Record], key_field: str
    ) -> None:
        self.name = name
        self._store = store
        self.record = record
        self._key_field = key_field
        self._fields = {field.name for field in dataclasses.fields(record)}

    def get(self, key: str) -> Record:
        """Return the record `key`, or raise NotFound."""
        found = self.find(key)
        if found is None:
            raise errors.NotFound(f"{self.name} {key} could not be found.", key=key)
        return found

    def find(self, key: str) -> Record | None:
        """Return the record `key` if there is one."""
        rows = self._store.execute(f"SELECT body FROM {self.name} WHERE key = ?", (key,))
        return self._decode(rows[0][0]) if rows else None

    def list(self, **where: Scalar | Sequence[Scalar]) -> list[Record]:
        """Return the records whose fields have these values, oldest first.

        A sequence means any of its values.
        """
        condition, parameters = self._condition(where)
        rows = self._store.execute(
            f"SELECT body FROM {self.name}{condition} ORDER BY sequence", parameters
        )
        return [self._decode(row[0]) for row in rows]

    def count(self, **where: Scalar | Sequence[Scalar]) -> int:
        """Return how many records have these values."""
        condition, parameters = self._condition(where)
        rows = self._store.execute(f"SELECT count(*) FROM {self.name}{condition}", parameters)
        return int(rows[0][0])

    def insert(self, record: Record) -> None:
        """Add a record, or raise AlreadyExists if its key or a unique value is taken."""
        self._write(f"INSERT INTO {self.name} (key, body) VALUES (?, ?)", record)

    def put(self, record: Record) -> None:
        """Add a record or overwrite the one with its key; AlreadyExists for a unique value."""
        self._write(
            f"INSERT INTO {self.name} (key, body) VALUES (?, ?)"
            " ON CONFLICT (key) DO UPDATE SET body = excluded.body",
            record,
        )

    def replace(self, record: Record, *, expected: Record) -> None:
        """Store `record` if the store still holds `expected`, else raise StaleGeneration."""
        with self._store.transaction():
            if self.get(self._key(expected)) != expected:
                raise errors.StaleGeneration(key=self._key(expected))
            self.put(record)

    def modify(self, key: str, change: Callable[[Record], Record]) -> Record:
        """Store and return what `change` makes of the record `key`, as one transaction."""
        with self._store.transaction():
            changed = change(self.get(key))
            self.put(changed)
        return changed

    def delete(self, key: str) -> Record:
        """Remove and return the record `key`, or raise NotFound."""
        with self._store.transaction():
            found = self.get(key)
            self._store.execute(f"DELETE FROM {self.name} WHERE key = ?", (key,))
        return found

    def delete_where(self, **where: Scalar | Sequence[Scalar]) -> int:
        """Remove every record that has these values and return how many there were."""
        condition, parameters = self._condition(where)
        with self._store.transaction():
            found = self.count(**where)
            self._store.execute(f"DELETE FROM {self.name}{condition}", parameters)
        return found

    def _key(self, record: Record) -> str:
        return str(getattr(record, self._key_field))

    def _decode(self, body: str) -> Record:
        return msgspec.json.decode(body, type=self.record)

    def _write(self, statement: str, record: Record) -> None:
        body = msgspec.json.encode(fields_of(record)).decode()
        try:
            self._store.execute(statement, (self._key(record), body))
        except sqlite3.IntegrityError as error:
            raise errors.AlreadyExists(
                f"A record of {self.name} with this identity exists already."
            ) from error

    def _condition(
        self, where: dict[str, Scalar | Sequence[Scalar]]
    ) -> tuple[str, tuple[Scalar, ...]]:
        unknown = where.keys() - self._fields
        if unknown:
            raise ValueError(f"{self.name}: no such fields: {sorted(unknown)}")
        clauses: list[str] = []
        parameters: list[Scalar] = []
        for field, value in where.items():
            if value is None or isinstance(value, str | int):
                clauses.append(f"{_field(field)} IS ?")
                parameters.append(value)
            else:
                clauses.append(f"{_field(field)} IN ({', '.join('?' * len(value))})")
                parameters.extend(value)
        return (" WHERE " + " AND ".join(clauses) if clauses else ""), tuple(parameters)


def fields_of(record: _Dataclass) -> dict[str, Any]:
    """Return every field of a record by its name.

    A record that msgspec made keeps no defaults of its own, and msgspec then leaves
    them out of what it encodes; an index needs them.
    """
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}


def _field(name: str) -> str:
    return f"json_extract(body, '$.{name}')"
