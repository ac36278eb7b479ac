"""What was done to servers, and how it went."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nova_clone.conductor.decisions import Decision, decode, encode
from nova_clone.conductor.store.paging import page_size
from nova_clone.conductor.store.session import Session
from nova_clone.conductor.store.tables import cell
from nova_clone.contracts.servers import ActionQuery, Actions
from nova_clone.domain import errors
from nova_clone.domain.action import Action, ActionEvent

A = cell.actions.c
E = cell.action_events.c
_ACTION = (
    "server_id",
    "action",
    "request_id",
    "user_id",
    "project_id",
    "start_time",
    "updated_at",
    "message",
)
_INSERT = sa.insert(cell.actions)
_NUMBER = sa.select(sa.func.max(A.number)).where(
    A.server_id == sa.bindparam("server_id"), A.request_id == sa.bindparam("request_id")
)
_TOUCH = sa.update(cell.actions).where(A.number == sa.bindparam("touched"))
_INSERT_EVENT = sa.insert(cell.action_events)
_OPEN_EVENT = sa.select(sa.func.max(E.number)).where(
    E.action_number == sa.bindparam("action_number"),
    E.event == sa.bindparam("event"),
    E.finish_time.is_(None),
)
_FINISH_EVENT = sa.update(cell.action_events).where(E.number == sa.bindparam("opened"))
_EVENT = ("event", "start_time", "finish_time", "result", "host", "details", "traceback")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decided:
    """A decision of the scheduler with the action and the event that it belongs to."""

    server_id: str
    request_id: str
    action: str
    action_start: dt.datetime
    event: ActionEvent
    decision: Decision


class ActionRepository:
    """Actions by server and request; events belong to the last action of a request."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def start(self, action: Action) -> None:
        """Record that an action begins."""
        self.start_many((action,))

    def start_many(self, actions: Sequence[Action]) -> None:
        """Record that actions begin."""
        rows = [{name: getattr(action, name) for name in _ACTION} for action in actions]
        if rows:
            self._session.cell_db.execute(_INSERT, rows)

    def begin_event(
        self,
        server_id: str,
        request_id: str,
        event: ActionEvent,
        *,
        decision: Decision | None = None,
    ) -> bool:
        """Record that a step begins, once; False when there is no such action."""
        number = self._number(server_id, request_id)
        if number is None:
            return False
        if self._open_event(number, event.event) is None:
            values: dict[str, Any] = {name: getattr(event, name) for name in _EVENT}
            if decision is not None:
                values["decision"] = encode(decision)
            self._session.cell_db.execute(_INSERT_EVENT, {"action_number": number, **values})
            self._touch(number, {})
        return True

    def finish_event(self, server_id: str, request_id: str, event: ActionEvent) -> bool:
        """Record how the open step ``event.event`` ended; False when there is none.

        ``finish_time`` defaults to now; fields that are None keep what they were.
        """
        number = self._number(server_id, request_id)
        opened = None if number is None else self._open_event(number, event.event)
        if number is None or opened is None:
            return False
        values: dict[str, Any] = {
            name: value
            for name in ("result", "host", "details", "traceback")
            if (value := getattr(event, name)) is not None
        }
        values["finish_time"] = event.finish_time or self._session.now()
        self._session.cell_db.execute(_FINISH_EVENT, {"opened": opened, **values})
        self._touch(number, {})
        return True

    def fail(self, server_id: str, request_id: str, message: str = "Error") -> bool:
        """Record that an action failed; False when there is no such action."""
        number = self._number(server_id, request_id)
        if number is None:
            return False
        self._touch(number, {"message": message[:255]})
        return True

    def decisions(
        self, *, server_id: str | None = None, request_id: str | None = None, limit: int = 100
    ) -> tuple[Decided, ...]:
        """Return the last decisions about a server or in a request, oldest first."""
        query = (
            sa.select(
                A.server_id,
                A.request_id,
                A.action,
                A.start_time.label("action_start"),
                E.decision,
                *(E[name] for name in _EVENT),
            )
            .join_from(cell.action_events, cell.actions, A.number == E.action_number)
            .where(E.decision.is_not(None))
            .order_by(E.number.desc())
            .limit(limit)
        )
        if server_id is not None:
            query = query.where(A.server_id == server_id)
        if request_id is not None:
            query = query.where(A.request_id == request_id)
        rows = self._session.cell_db.execute(query).all()
        return tuple(_decided(row) for row in reversed(rows))

    def servers_of(self, request_id: str, *, limit: int = 100) -> tuple[str, ...]:
        """Return the servers that a request acted on, as far as is known."""
        query = sa.select(A.server_id).where(A.request_id == request_id).order_by(A.number)
        return tuple(self._session.cell_db.execute(query.limit(limit)).scalars())

    def page(self, request: ActionQuery) -> Actions:
        """Return the actions of a server, newest first; raises `Invalid` for a bad marker.

        With a ``request_id`` the one action comes with its events, oldest first.
        """
        query = sa.select(A.number, *(A[name] for name in _ACTION)).where(
            A.server_id == request.server_id
        )
        if request.request_id is not None:
            query = query.where(A.request_id == request.request_id).order_by(A.number.desc())
            row = self._session.cell_db.execute(query.limit(1)).first()
            if row is None:
                return Actions()
            return Actions(actions=(_action(row, self._events(row.number)),))
        if request.changed_since is not None:
            query = query.where(A.updated_at >= request.changed_since)
        if request.changed_before is not None:
            query = query.where(A.updated_at <= request.changed_before)
        if request.page.marker is not None:
            number = self._number(request.server_id, request.page.marker)
            if number is None:
                raise errors.Invalid(f"marker [{request.page.marker}] not found")
            query = query.where(A.number < number)
        limit = page_size(request.page.limit, self._session.settings.max_page)
        query = query.order_by(A.number.desc()).limit(limit + 1)
        rows = self._session.cell_db.execute(query).all()
        return Actions(actions=tuple(_action(row) for row in rows[:limit]), more=len(rows) > limit)

    def _number(self, server_id: str, request_id: str) -> int | None:
        row = {"server_id": server_id, "request_id": request_id}
        return self._session.cell_db.execute(_NUMBER, row).scalar()

    def _open_event(self, number: int, event: str) -> int | None:
        row = {"action_number": number, "event": event}
        return self._session.cell_db.execute(_OPEN_EVENT, row).scalar()

    def _touch(self, number: int, values: dict[str, Any]) -> None:
        row = {"touched": number, "updated_at": self._session.now(), **values}
        self._session.cell_db.execute(_TOUCH, row)

    def _events(self, number: int) -> tuple[ActionEvent, ...]:
        query = (
            sa.select(*(E[name] for name in _EVENT))
            .where(E.action_number == number)
            .order_by(E.number)
        )
        return tuple(
            ActionEvent(**dict(zip(_EVENT, row, strict=True)))
            for row in self._session.cell_db.execute(query)
        )


def _action(row: Any, events: tuple[ActionEvent, ...] = ()) -> Action:
    return Action(events=events, **dict(zip(_ACTION, row[1:], strict=True)))


def _decided(row: Any) -> Decided:
    return Decided(
        server_id=row.server_id,
        request_id=row.request_id,
        action=row.action,
        action_start=row.action_start,
        event=ActionEvent(**{name: getattr(row, name) for name in _EVENT}),
        decision=decode(row.decision),
    )
