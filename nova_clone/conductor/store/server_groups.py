"""Server groups and who is in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from nova_clone.conductor.store.columns import utc_now
from nova_clone.conductor.store.paging import page_size
from nova_clone.conductor.store.session import Session
from nova_clone.conductor.store.tables import global_
from nova_clone.contracts.server_groups import ServerGroupQuery
from nova_clone.domain import errors
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.server_group import ServerGroup

G = global_.server_groups.c
M = global_.server_group_members.c
_COLUMNS = tuple(
    G[field.name] for field in dataclasses.fields(ServerGroup) if field.name != "members"
)

_BY_ID = sa.select(*_COLUMNS).where(G.id == sa.bindparam("group_id"))
_LOCKED = _BY_ID.with_for_update()
_GROUP_OF = sa.select(M.group_id).where(M.server_id == sa.bindparam("server_id"))


class ServerGroupRepository:
    """Server groups; a server is a member from its creation to its deletion."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, group: ServerGroup) -> ServerGroup:
        """Make a group and return it with its id and time."""
        group_id = group.id or new_uuid()
        values = {
            column.name: getattr(group, column.name)
            for column in _COLUMNS
            if column.name not in {"id", "created_at"}
        }
        self._session.global_db.execute(
            sa.insert(global_.server_groups).values(**values, id=group_id, created_at=utc_now())
        )
        return self.get(group_id)

    def get(self, group_id: str, *, project_id: str | None = None) -> ServerGroup:
        """Return a group with its members; raises `NotFound`."""
        group = self.find(group_id, project_id=project_id)
        if group is None:
            raise missing(group_id)
        return self._with_members([group])[0]

    def find(
        self, group_id: str, *, project_id: str | None = None, lock: bool = False
    ) -> ServerGroup | None:
        """Return a group without its members, locked if it is to change; ``None`` if none."""
        query = _LOCKED if lock else _BY_ID
        if project_id is not None:
            query = query.where(G.project_id == project_id)
        row = self._session.global_db.execute(query, {"group_id": group_id}).first()
        return None if row is None else _record(row)

    def page(self, request: ServerGroupQuery) -> tuple[ServerGroup, ...]:
        """Return groups, oldest first."""
        query = sa.select(*_COLUMNS).order_by(G.number)
        if request.project_id is not None:
            query = query.where(G.project_id == request.project_id)
        limit = page_size(request.limit, self._session.settings.max_page)
        query = query.limit(limit).offset(request.offset)
        rows = self._session.global_db.execute(query).all()
        return self._with_members([_record(row) for row in rows])

    def count(self, project_id: str) -> int:
        """Return how many groups a project has."""
        query = sa.select(sa.func.count()).where(G.project_id == project_id)
        return int(self._session.global_db.execute(query).scalar_one())

    def members_of(self, group_id: str, *, user_id: str) -> int:
        """Return how many servers of one user are in a group."""
        query = sa.select(sa.func.count()).where(M.group_id == group_id, M.user_id == user_id)
        return int(self._session.global_db.execute(query).scalar_one())

    def join(self, group_id: str, server_ids: Collection[str], *, user_id: str) -> None:
        """Put new servers of a user into a group."""
        rows = [
            {"group_id": group_id, "server_id": server_id, "user_id": user_id}
            for server_id in server_ids
        ]
        if rows:
            self._session.global_db.execute(sa.insert(global_.server_group_members), rows)

    def leave(self, server_id: str) -> None:
        """Take a server out of its group, if it is in one."""
        self._session.global_db.execute(
            sa.delete(global_.server_group_members).where(M.server_id == server_id)
        )

    def group_of(self, server_id: str) -> str | None:
        """Return the id of the group that a server is in."""
        row = {"server_id": server_id}
        found: str | None = self._session.global_db.execute(_GROUP_OF, row).scalar()
        return found

    def delete(self, group_id: str) -> None:
        """Delete a group that its caller has locked; its servers are in none then."""
        connection = self._session.global_db
        connection.execute(sa.delete(global_.server_group_members).where(M.group_id == group_id))
        connection.execute(sa.delete(global_.server_groups).where(G.id == group_id))

    def _with_members(self, groups: Sequence[ServerGroup]) -> tuple[ServerGroup, ...]:
        if not groups:
            return ()
        members: dict[str, list[str]] = {}
        ids = [group.id for group in groups]
        query = sa.select(M.group_id, M.server_id).where(M.group_id.in_(ids)).order_by(M.number)
        for group_id, server_id in self._session.global_db.execute(query):
            members.setdefault(group_id, []).append(server_id)
        return tuple(
            dataclasses.replace(group, members=tuple(members.get(group.id, ()))) for group in groups
        )


def _record(row: sa.Row[Any]) -> ServerGroup:
    return ServerGroup(**row._mapping)  # noqa: SLF001 - its public name


def missing(group_id: str) -> errors.NotFound:
    """Return the error for a group that there is not."""
    return errors.NotFound(f"Instance group {group_id} could not be found.")
