"""Host aggregates and the availability zones that they make."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa
from oslo_db import exception as db_errors

from nova_clone.conductor.store.columns import inserted_key, utc_now
from nova_clone.conductor.store.session import Session, TableSet
from nova_clone.conductor.store.standings import ZONE_KEY
from nova_clone.conductor.store.tables import global_
from nova_clone.domain import errors
from nova_clone.domain.host import Aggregate
from nova_clone.domain.identity import new_uuid

A = global_.aggregates.c
_HOSTS = global_.aggregate_hosts
_ITEMS = global_.aggregate_metadata


class AggregateRepository:
    """Aggregates; every change moves the number that the host feed shows."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self) -> tuple[Aggregate, ...]:
        """Return every aggregate by id."""
        return self._select()

    def get(self, aggregate_id: int) -> Aggregate:
        """Return an aggregate; raises `NotFound`."""
        found = self._select(A.id == aggregate_id)
        if not found:
            raise _missing(aggregate_id)
        return found[0]

    def lock(self) -> None:
        """Let no other transaction change zones or hosts until this one ends.

        It must be asked for before anything is read: what was read before may be old.
        """
        self._session.global_db.execute(sa.select(A.id).order_by(A.id).with_for_update()).all()

    def add(self, name: str, *, zone: str | None = None) -> Aggregate:
        """Make an aggregate, with a zone or without; raises `AlreadyExists`."""
        try:
            number = inserted_key(
                self._session.global_db.execute(
                    sa.insert(global_.aggregates).values(
                        uuid=new_uuid(), name=name, created_at=utc_now()
                    )
                )
            )
        except db_errors.DBDuplicateEntry as error:
            raise errors.AlreadyExists(f"Aggregate {name} already exists.") from error
        if zone is not None:
            self._set_items(number, {ZONE_KEY: zone})
        self._changed()
        return self.get(number)

    def update(
        self,
        aggregate_id: int,
        *,
        name: str | None = None,
        metadata: Mapping[str, str | None] | None = None,
    ) -> Aggregate:
        """Rename an aggregate, set items of its metadata and drop those that are None."""
        self._lock(aggregate_id)
        values = {"updated_at": utc_now()} | ({} if name is None else {"name": name})
        try:
            self._session.global_db.execute(
                sa.update(global_.aggregates).where(A.id == aggregate_id).values(values)
            )
        except db_errors.DBDuplicateEntry as error:
            raise errors.AlreadyExists(f"Aggregate {name} already exists.") from error
        if metadata:
            self._set_items(aggregate_id, metadata)
        self._changed()
        return self.get(aggregate_id)

    def add_host(self, aggregate_id: int, host: str) -> Aggregate:
        """Add a host; raises `NotFound`, and `Conflict` for a member or a second zone."""
        self._lock(aggregate_id)
        zone = self.get(aggregate_id).metadata.get(ZONE_KEY)
        if zone is not None:
            self.check_zone(zone, (host,), but=aggregate_id)
        try:
            self._session.global_db.execute(
                sa.insert(_HOSTS).values(aggregate_id=aggregate_id, host=host)
            )
        except db_errors.DBDuplicateEntry as error:
            raise errors.AlreadyExists(
                f"Aggregate {aggregate_id} already has host {host}."
            ) from error
        self._changed()
        return self.get(aggregate_id)

    def check_zone(self, zone: str, hosts: Collection[str], *, but: int) -> None:
        """Raise `Conflict` when an aggregate other than `but` puts one of `hosts` elsewhere."""
        for other in self.list():
            theirs = other.metadata.get(ZONE_KEY, zone)
            if other.id != but and theirs != zone and not set(hosts).isdisjoint(other.hosts):
                host = min(set(hosts).intersection(other.hosts))
                raise errors.Conflict(
                    f"Host {host} is in another availability zone already: {theirs}."
                )

    def of_host(self, host: str) -> tuple[Aggregate, ...]:
        """Return the aggregates that a host is in."""
        members = sa.select(_HOSTS.c.aggregate_id).where(_HOSTS.c.host == host)
        return self._select(A.id.in_(members))

    def remove_host(self, aggregate_id: int, host: str) -> Aggregate:
        """Take a host out; raises `NotFound` for the aggregate or the member."""
        self._lock(aggregate_id)
        removed = self._session.global_db.execute(
            sa.delete(_HOSTS).where(_HOSTS.c.aggregate_id == aggregate_id, _HOSTS.c.host == host)
        )
        if not removed.rowcount:
            raise errors.NotFound(f"Aggregate {aggregate_id} has no host {host}.")
        self._changed()
        return self.get(aggregate_id)

    def delete(self, aggregate_id: int) -> None:
        """Delete an aggregate; raises `NotFound`, and `Conflict` while it has hosts."""
        self._lock(aggregate_id)
        if self.get(aggregate_id).hosts:
            raise errors.Conflict(f"Aggregate {aggregate_id} has hosts.")
        self._session.global_db.execute(
            sa.delete(_ITEMS).where(_ITEMS.c.aggregate_id == aggregate_id)
        )
        self._session.global_db.execute(sa.delete(global_.aggregates).where(A.id == aggregate_id))
        self._changed()

    def ids_by_host(self) -> dict[str, tuple[int, ...]]:
        """Return the ids of the aggregates of every host that is in one."""
        found: dict[str, tuple[int, ...]] = {}
        query = sa.select(_HOSTS.c.host, _HOSTS.c.aggregate_id).order_by(_HOSTS.c.aggregate_id)
        for host, number in self._session.global_db.execute(query):
            found[host] = (*found.get(host, ()), number)
        return found

    def _select(self, *clauses: sa.ColumnElement[bool]) -> tuple[Aggregate, ...]:
        connection = self._session.global_db
        query = sa.select(A.id, A.uuid, A.name, A.created_at, A.updated_at).where(*clauses)
        rows = connection.execute(query.order_by(A.id)).all()
        if not rows:
            return ()
        ids = [row.id for row in rows]
        hosts: dict[int, list[str]] = {}
        members = sa.select(_HOSTS.c.aggregate_id, _HOSTS.c.host).order_by(_HOSTS.c.host)
        for number, host in connection.execute(members.where(_HOSTS.c.aggregate_id.in_(ids))):
            hosts.setdefault(number, []).append(host)
        items: dict[int, dict[str, str]] = {}
        pairs = sa.select(_ITEMS.c.aggregate_id, _ITEMS.c.key, _ITEMS.c.value)
        for number, key, value in connection.execute(pairs.where(_ITEMS.c.aggregate_id.in_(ids))):
            items.setdefault(number, {})[key] = value
        return tuple(
            Aggregate(
                id=row.id,
                uuid=row.uuid,
                name=row.name,
                hosts=tuple(hosts.get(row.id, ())),
                metadata=items.get(row.id, {}),
                created_at=row.created_at,
                updated_at=row.updated_at,
            )
            for row in rows
        )

    def _lock(self, aggregate_id: int) -> None:
        query = sa.select(A.id).where(A.id == aggregate_id).with_for_update()
        if self._session.global_db.execute(query).first() is None:
            raise _missing(aggregate_id)

    def _set_items(self, aggregate_id: int, items: Mapping[str, str | None]) -> None:
        self._session.global_db.execute(
            sa.delete(_ITEMS).where(
                _ITEMS.c.aggregate_id == aggregate_id, _ITEMS.c.key.in_(tuple(items))
            )
        )
        rows = [
            {"aggregate_id": aggregate_id, "key": key, "value": value}
            for key, value in items.items()
            if value is not None
        ]
        if rows:
            self._session.global_db.execute(sa.insert(_ITEMS), rows)

    def _changed(self) -> None:
        self._session.sequence(TableSet.GLOBAL, global_.sequences, "aggregates").bump()


def _missing(aggregate_id: int) -> errors.NotFound:
    return errors.NotFound(f"Aggregate {aggregate_id} could not be found.")
