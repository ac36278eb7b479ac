"""Servers of the cell."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import sqlalchemy as sa
from oslo_db import exception as db_errors

from nova_clone.conductor.store import server_filters
from nova_clone.conductor.store.columns import inserted_key, utc_now
from nova_clone.conductor.store.paging import KeysetOrder, page_size
from nova_clone.conductor.store.server_parts import Parts, ServerParts
from nova_clone.conductor.store.server_rows import (
    COLUMNS,
    SIDE_FIELDS,
    Surroundings,
    T,
    changed_columns,
    instance_name,
    new_row,
    record,
)
from nova_clone.conductor.store.session import Session
from nova_clone.conductor.store.standings import standings
from nova_clone.conductor.store.tables import cell
from nova_clone.contracts.servers import ListServers, ServerPage
from nova_clone.domain import errors
from nova_clone.domain.block_device import BlockDevice
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.quota import Usage
from nova_clone.domain.server.server import Fault, Server, ServerBrief
from nova_clone.domain.server.status import TaskState, VmState

_BY_ID = sa.select(*COLUMNS).where(T.id == sa.bindparam("server_id"))
_PRESENT = _BY_ID.where(T.deleted == sa.false())
_BY_ID_IN_PROJECT, _PRESENT_IN_PROJECT = (
    query.where(T.project_id == sa.bindparam("project")) for query in (_BY_ID, _PRESENT)
)
_BRIEF = (T.id, T.name)
_INSERT = sa.insert(cell.servers)
_UPDATE = sa.update(cell.servers).where(T.id == sa.bindparam("server_id"))


class ServerRepository:
    """Servers. A state moves only by `transition`, which compares and sets."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._parts = ServerParts(session)

    def add(self, server: Server) -> Server:
        """Add a server and return it with its number, name of the guest and times."""
        return self.add_many((server,))[0]

    def add_many(self, servers: Sequence[Server]) -> tuple[Server, ...]:
        """Add servers in order; raises `AlreadyExists` when one has an id that is taken."""
        now = self._session.now()
        rows = [new_row(server, now) for server in servers]
        try:
            numbers = self._insert(rows)
        except db_errors.DBDuplicateEntry as error:
            raise errors.AlreadyExists("A server with this id exists already.") from error
        self._parts.add(servers)
        template = self._session.settings.instance_name_template
        added = []
        for server, row in zip(servers, rows, strict=True):
            number = numbers[server.id]
            added.append(
                dataclasses.replace(
                    server,
                    number=number,
                    instance_name=instance_name(template, row | {"number": number}),
                    created_at=row["created_at"],
                    updated_at=row["updated_at"],
                )
            )
        return tuple(added)

    def get(
        self, server_id: str, *, project_id: str | None = None, deleted: bool = False
    ) -> Server:
        """Return a server, also a deleted one if `deleted`; raises `NotFound`."""
        server = self.find(server_id, project_id=project_id, deleted=deleted)
        if server is None:
            raise errors.NotFound(f"Instance {server_id} could not be found.")
        return server

    def find(
        self, server_id: str, *, project_id: str | None = None, deleted: bool = False
    ) -> Server | None:
        """Return a server as `get` does, or None."""
        query = _BY_ID if deleted else _PRESENT
        values = {"server_id": server_id}
        if project_id is not None:
            query = _BY_ID_IN_PROJECT if deleted else _PRESENT_IN_PROJECT
            values["project"] = project_id
        rows = self._session.cell_db.execute(query, values).all()
        return self._records(rows)[0] if rows else None

    def came_to_be(self, server_id: str) -> bool:
        """Tell whether there is, or was, a server with that id.

        Waits for whoever makes it at this moment, which no reader could see: the database
        lets nobody else use the id before it is known what becomes of that.
        """
        blank = Server(
            id=server_id,
            name="",
            project_id="",
            user_id="",
            flavor=Flavor(id="", name="", vcpus=0, ram=0, disk=0),
        )
        row = new_row(blank, self._session.now())
        trial = self._session.cell_db.begin_nested()
        try:
            self._insert([row])
        except db_errors.DBDuplicateEntry:
            return True
        finally:
            trial.rollback()
        return False

    def unplaced(self, server_ids: Collection[str]) -> frozenset[str]:
        """Return those of `server_ids` that wait for a host and that nobody deletes."""
        query = sa.select(T.id).where(
            T.id.in_(tuple(server_ids)),
            T.deleted == sa.false(),
            T.vm_state == VmState.BUILDING.value,
            T.task_state == TaskState.SCHEDULING.value,
            T.host.is_(None),
        )
        return frozenset(self._session.cell_db.execute(query).scalars())

    def page(self, request: ListServers) -> ServerPage:
        """Return a page of servers; raises `Invalid` for a marker or sort key that is none."""
        order = server_filters.order(request.sort)
        query = sa.select(*(COLUMNS if request.detail else _BRIEF))
        query = query.where(*server_filters.clauses(request.filters))
        if request.page.marker is not None:
            query = query.where(order.after(self._place(order, request)))
        limit = page_size(request.page.limit, self._session.settings.max_page)
        query = query.order_by(*order.expressions()).limit(limit + 1)
        rows = self._rows(query, request)
        more = len(rows) > limit
        rows = rows[:limit]
        if request.detail:
            return ServerPage(servers=self._records(rows), more=more)
        return ServerPage(briefs=tuple(ServerBrief(id=i, name=n) for i, n in rows), more=more)

    def transition(
        self,
        server_id: str,
        *,
        expect_vm: Collection[VmState] | None = None,
        expect_task: Collection[TaskState | None] | None = None,
        changes: Mapping[str, Any],
    ) -> bool:
        """Change a server if it stands as expected (``None``: anyhow); tell whether it did."""
        vm = None if expect_vm is None else tuple(sorted(state.value for state in expect_vm))
        task = None if expect_task is None else tuple(sorted(_texts(expect_task)))
        return self._update(server_id, changes, _standing_as(vm, task))

    def update(self, server_id: str, changes: Mapping[str, Any]) -> bool:
        """Change fields of a server, deleted or not; tell whether there is one."""
        return self._update(server_id, changes)

    def fault(self, server_id: str, fault: Fault | None) -> None:
        """Record why a server is in error, or that it is not any more."""
        self._update(server_id, {"fault": fault})

    def set_metadata(self, server_id: str, metadata: Mapping[str, str]) -> None:
        """Replace a server's metadata."""
        self._update(server_id, {"metadata": metadata})

    def set_tags(self, server_id: str, tags: Iterable[str]) -> None:
        """Replace a server's tags."""
        self._update(server_id, {"tags": tuple(tags)})

    def put_block_devices(self, server_id: str, devices: Sequence[BlockDevice]) -> None:
        """Replace a server's block devices."""
        self._update(server_id, {"block_devices": tuple(devices)})

    def mark_deleted(self, server_id: str) -> bool:
        """Close a server's record; False when that was done before."""
        done = self.transition(
            server_id,
            changes={
                "vm_state": VmState.DELETED,
                "task_state": None,
                "deleted": True,
                "terminated_at": self._session.now(),
            },
        )
        if done:
            self._parts.close(server_id)
        return done

    def lock_project(self, project_id: str) -> None:
        """Let no other transaction past this point for the project until this one ends."""
        connection = self._session.cell_db
        if connection.dialect.name == "sqlite":
            return
        table = cell.project_locks
        locked = connection.execute(
            sa.update(table).where(table.c.project_id == project_id).values(locked_at=utc_now())
        )
        if locked.rowcount:
            return
        try:
            connection.execute(sa.insert(table).values(project_id=project_id, locked_at=utc_now()))
        except db_errors.DBDuplicateEntry as error:
            raise db_errors.RetryRequest(error) from error

    def usage(self, project_id: str, *, user_id: str | None = None) -> Usage:
        """Return what the servers of a project, or of one user in it, count for."""
        query = sa.select(sa.func.count(), sa.func.sum(T.vcpus), sa.func.sum(T.ram)).where(
            T.project_id == project_id,
            T.deleted == sa.false(),
            T.vm_state != VmState.SOFT_DELETED.value,
        )
        if user_id is not None:
            query = query.where(T.user_id == user_id)
        count, vcpus, ram = self._session.cell_db.execute(query).one()
        return Usage(instances=count, cores=int(vcpus or 0), ram=int(ram or 0))

    def name_taken(self, name: str, *, project_id: str | None = None) -> bool:
        """Tell whether a server of this name exists in the project, or anywhere."""
        query = sa.select(T.number).where(T.name == name, T.deleted == sa.false()).limit(1)
        if project_id is not None:
            query = query.where(T.project_id == project_id)
        return self._session.cell_db.execute(query).first() is not None

    def on_host(self, host: str) -> tuple[Server, ...]:
        """Return the servers that belong on a host, oldest first."""
        query = (
            sa.select(*COLUMNS).where(T.host == host, T.deleted == sa.false()).order_by(T.number)
        )
        return self._records(self._session.cell_db.execute(query).all())

    def hosts_of(self, server_ids: Collection[str]) -> dict[str, str]:
        """Return the host of each of these servers; those on none are left out."""
        query = sa.select(T.id, T.host).where(
            T.id.in_(tuple(server_ids)), T.deleted.is_(False), T.host.is_not(None)
        )
        return dict(self._session.cell_db.execute(query).all())

    def building_per_host(self) -> dict[str, int]:
        """Return how many servers are being built on each host that builds any."""
        query = (
            sa.select(T.host, sa.func.count())
            .where(
                T.deleted == sa.false(),
                T.vm_state == VmState.BUILDING.value,
                T.host.is_not(None),
            )
            .group_by(T.host)
        )
        return dict(self._session.cell_db.execute(query).all())

    def count_per_host(self, hosts: Collection[str]) -> dict[str, int]:
        """Return how many servers each of `hosts` has, those without any left out."""
        query = (
            sa.select(T.host, sa.func.count())
            .where(T.host.in_(tuple(hosts)), T.deleted == sa.false())
            .group_by(T.host)
        )
        return dict(self._session.cell_db.execute(query).all())

    def briefs_by_host(self, hosts: Collection[str]) -> dict[str, tuple[ServerBrief, ...]]:
        """Return the servers of each of `hosts`, those without any left out."""
        query = (
            sa.select(T.host, *_BRIEF)
            .where(T.host.in_(tuple(hosts)), T.deleted == sa.false())
            .order_by(T.number)
        )
        found: dict[str, list[ServerBrief]] = {}
        for host, server_id, name in self._session.cell_db.execute(query):
            found.setdefault(cast(str, host), []).append(ServerBrief(id=server_id, name=name))
        return {host: tuple(briefs) for host, briefs in found.items()}

    def _insert(self, rows: list[dict[str, Any]]) -> dict[str, int]:
        connection = self._session.cell_db
        if len(rows) == 1:
            return {rows[0]["id"]: inserted_key(connection.execute(_INSERT, rows[0]))}
        connection.execute(_INSERT, rows)
        ids = [row["id"] for row in rows]
        return dict(connection.execute(sa.select(T.id, T.number).where(T.id.in_(ids))).all())

    def _rows(self, query: sa.Select[Any], request: ListServers) -> Sequence[Any]:
        try:
            return self._session.cell_db.execute(query).all()
        except db_errors.DBConnectionError:
            raise
        except db_errors.DBError as error:
            if server_filters.uses_patterns(request.filters):
                raise errors.Invalid("The filter is not a usable regular expression.") from error
            raise

    def _place(self, order: KeysetOrder, request: ListServers) -> tuple[Any, ...]:
        marker = request.page.marker
        query = sa.select(*order.columns).where(T.id == marker)
        if request.filters.project_id is not None:
            query = query.where(T.project_id == request.filters.project_id)
        row = self._session.cell_db.execute(query).first()
        if row is None:
            raise errors.Invalid(f"marker [{marker}] not found")
        return tuple(row)

    def _records(self, rows: Sequence[Any]) -> tuple[Server, ...]:
        if not rows:
            return ()
        ids = [row.id for row in rows]
        parts = self._parts.of(ids)
        hosts = standings(self._session, {row.host for row in rows if row.host})
        template = self._session.settings.instance_name_template
        servers = []
        for row in rows:
            host = hosts.get(row.host)
            own = parts.get(row.id) or Parts()
            around = Surroundings(
                metadata=own.metadata,
                tags=tuple(own.tags),
                block_devices=tuple(own.block_devices),
                zone=host.zone if host else None,
                host_status=host.status if host else "",
            )
            servers.append(record(row, around, template))
        return tuple(servers)

    def _update(
        self, server_id: str, changes: Mapping[str, Any], statement: sa.Update | None = None
    ) -> bool:
        statement = _UPDATE if statement is None else statement
        columns = changed_columns({n: v for n, v in changes.items() if n not in SIDE_FIELDS})
        if "updated_at" not in columns:
            statement = _stamped(statement)
        row = {"server_id": server_id, **columns}
        changed = self._session.cell_db.execute(statement, row)
        if not changed.rowcount:
            return False
        self._parts.replace(server_id, changes)
        return True


def _texts(tasks: Collection[TaskState | None]) -> Iterator[str]:
    return ("" if task is None else task.value for task in tasks)


@functools.lru_cache(maxsize=256)
def _standing_as(vm: tuple[str, ...] | None, task: tuple[str, ...] | None) -> sa.Update:
    """Return an update of a present server in one of the states; no task state is ""."""
    query = _UPDATE.where(T.deleted == sa.false())
    if vm is not None:
        query = query.where(T.vm_state.in_(vm))
    if task is not None:
        named = [each for each in task if each]
        options: list[sa.ColumnElement[bool]] = [T.task_state.in_(named)] if named else []
        if "" in task:
            options.append(T.task_state.is_(None))
        query = query.where(sa.or_(*options) if options else sa.false())
    return query


@functools.lru_cache(maxsize=256)
def _stamped(statement: sa.Update) -> sa.Update:
    return statement.values(updated_at=utc_now())
