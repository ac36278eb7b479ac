"""The working set: every record in memory with its indexes, written through to the store.

Networks of one node are few and read far more often than written, so reads
never touch the file; the store is the truth from which the memory is filled.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from nova_clone.standalone.documents import DocumentStore
from nova_clone.standalone.network.records import (
    FloatingIp,
    Network,
    Port,
    Quota,
    Record,
    Router,
    SecurityGroup,
    SecurityRule,
    Subnet,
)

R = TypeVar("R", bound=Record | Quota)

Indexes = Mapping[str, Callable[[R], Iterable[Hashable]]]


class Table(Generic[R]):
    """The records of one kind; written only inside `State.change()`."""

    def __init__(self, state: State, name: str, record: type[R], indexes: Indexes[R]) -> None:
        self._state = state
        self._stored = state.store.collection(name, record)
        self._keys = indexes
        self._rows: dict[str, R] = {}
        self._indexes: dict[str, dict[Hashable, dict[str, R]]] = {name: {} for name in indexes}
        for row in self._stored.list():
            self._set(row.id, row)

    def find(self, key: str | None) -> R | None:
        """Return the record `key` if there is one."""
        return self._rows.get(key) if key else None

    def __getitem__(self, key: str) -> R:
        return self._rows[key]

    def all(self) -> list[R]:
        """Return every record, oldest first."""
        return list(self._rows.values())

    def by(self, index: str, value: Hashable) -> list[R]:
        """Return the records that `index` files under `value`."""
        return list(self._indexes[index].get(value, {}).values())

    def one(self, index: str, value: Hashable) -> R | None:
        """Return any record that `index` files under `value`."""
        return next(iter(self._indexes[index].get(value, {}).values()), None)

    def count(self, index: str, value: Hashable) -> int:
        """Return how many records `index` files under `value`."""
        return len(self._indexes[index].get(value, {}))

    def put(self, record: R) -> R:
        """Add `record` or replace the one with its id, and return it."""
        self._state.must_be_changing()
        before = self._rows.get(record.id)
        self._state.on_undo(lambda: self._set(record.id, before))
        self._stored.put(record)
        self._set(record.id, record)
        return record

    def remove(self, key: str) -> None:
        """Forget the record `key`."""
        self._state.must_be_changing()
        before = self._rows[key]
        self._state.on_undo(lambda: self._set(key, before))
        self._stored.delete(key)
        self._set(key, None)

    def _set(self, key: str, row: R | None) -> None:
        before = self._rows.pop(key, None) if row is None else self._rows.get(key)
        if before is not None:
            for name, keys in self._keys.items():
                for value in keys(before):
                    filed = self._indexes[name].get(value)
                    if filed is not None:
                        filed.pop(key, None)
                        if not filed:
                            del self._indexes[name][value]
        if row is not None:
            self._rows[key] = row
            for name, keys in self._keys.items():
                for value in keys(row):
                    self._indexes[name].setdefault(value, {})[key] = row


class State:
    """Every table, one lock and one transaction at a time."""

    def __init__(self, store: DocumentStore) -> None:
        self.store = store
        self._lock = threading.RLock()
        self._undo: list[Callable[[], None]] | None = None
        self._listeners: list[Callable[[], None]] = []
        self.networks = Table(self, "networks", Network, {"project": _project})
        self.subnets = Table(
            self, "subnets", Subnet, {"project": _project, "network": lambda s: [s.network_id]}
        )
        self.ports = Table(
            self,
            "ports",
            Port,
            {
                "project": _project,
                "network": lambda p: [p.network_id],
                "device": lambda p: [p.device_id] if p.device_id else [],
                "mac": lambda p: [(p.network_id, p.mac_address)],
                "address": lambda p: [(ip.subnet_id, ip.ip_address) for ip in p.fixed_ips],
                "subnet": lambda p: {ip.subnet_id for ip in p.fixed_ips},
                "group": lambda p: p.security_groups,
            },
        )
        self.groups = Table(
            self,
            "security_groups",
            SecurityGroup,
            {"project": _project, "name": lambda g: [(g.project_id, g.name)]},
        )
        self.rules = Table(
            self,
            "security_group_rules",
            SecurityRule,
            {
                "project": _project,
                "group": lambda r: [r.security_group_id],
                "remote": lambda r: [r.remote_group_id] if r.remote_group_id else [],
            },
        )
        self.routers = Table(self, "routers", Router, {"project": _project})
        self.floating = Table(
            self,
            "floating_ips",
            FloatingIp,
            {
                "project": _project,
                "port": lambda f: [f.port_id] if f.port_id else [],
                "router": lambda f: [f.router_id] if f.router_id else [],
            },
        )
        self.quotas: Table[Quota] = Table(self, "quotas", Quota, {})

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change that was kept; it must not block."""
        self._listeners.append(listener)

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Keep others from writing meanwhile."""
        with self._lock:
            yield

    @contextlib.contextmanager
    def change(self) -> Iterator[None]:
        """Keep everything written inside, or nothing if an error leaves the block."""
        with self._lock:
            if self._undo is not None:
                yield
                return
            self._undo = []
            try:
                with self.store.transaction():
                    yield
            except BaseException:
                for step in reversed(self._undo):
                    step()
                raise
            finally:
                self._undo = None
        for listener in self._listeners:
            listener()

    def must_be_changing(self) -> None:
        """Raise RuntimeError outside of `change()`."""
        if self._undo is None:
            raise RuntimeError("records are written inside State.change() only")

    def on_undo(self, step: Callable[[], None]) -> None:
        """Take `step` if the present change fails."""
        if self._undo is not None:
            self._undo.append(step)


def _project(record: Record) -> Iterable[Hashable]:
    return [record.project_id]
