"""The workflow journal over SQL. A workflow's row is locked by whatever moves it."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from oslo_db import exception as db_errors

from nova_clone.conductor.store.columns import utc_now
from nova_clone.conductor.store.session import Session
from nova_clone.conductor.store.tables import cell
from nova_clone.conductor.store.workflows import COLUMNS, FIELDS, W, record
from nova_clone.domain.errors import Conflict, Obsolete
from nova_clone.domain.identity import WorkflowId
from nova_clone.workflow.journal import (
    Commit,
    Committed,
    InterruptPending,
    Lease,
    LeaseLost,
    Loaded,
    Mark,
    MarkKind,
    RowChange,
    WorkflowRow,
    WorkflowState,
)
from nova_clone.workflow.outcome import Outcome, encode

T = TypeVar("T")
M = cell.workflow_marks.c

_MARK = tuple(field.name for field in dataclasses.fields(Mark))
_BY_ID = sa.select(*COLUMNS, W.mark_count, utc_now().label("clock")).where(
    W.id == sa.bindparam("workflow_id")
)
_INSERT = sa.insert(cell.workflows)
_INSERT_MARKS = sa.insert(cell.workflow_marks)
_LOCKED = _BY_ID.with_for_update()
_MARKS = (
    sa.select(*(M[name] for name in _MARK))
    .where(M.workflow_id == sa.bindparam("workflow_id"))
    .order_by(M.n)
)


class Transactions(Protocol):
    """Runs functions in transactions, again if need be."""

    def run(self, function: Callable[[Any], T]) -> T:
        """Return what `function` makes of a transaction, once that is committed."""

    def read(self, function: Callable[[Any], T]) -> T:
        """Return what `function` reads."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Found:
    """A workflow's row, how many marks it has, and the moment it was read."""

    row: WorkflowRow
    marks: int
    now: dt.datetime

    @property
    def free(self) -> bool:
        """Tell whether nobody's lease runs."""
        return self.row.lease_until is None or self.row.lease_until <= self.now


class SqlJournal:
    """A `Journal` whose every operation is one transaction of the store."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def now(self) -> dt.datetime:
        """Return the time of the database."""
        now: dt.datetime = self._transactions.read(lambda work: work.now())
        return now

    def create(self, row: WorkflowRow, work: Session, *, lease: Lease | None = None) -> None:
        """Add ``row``; see `Journal.create`. After a `Conflict` the transaction is lost."""
        now = work.now()
        row = dataclasses.replace(row, created_at=now, wake_at=now)
        if lease is not None:
            row = _leased(row, lease, now)
        try:
            work.cell_db.execute(_INSERT, {"id": row.id, "mark_count": 0, **_columns(row, now)})
        except db_errors.DBDuplicateEntry as error:
            raise Conflict(
                "Unfinished work for this subject exists.", subject=row.subject
            ) from error

    def load(self, workflow_id: WorkflowId) -> Loaded | None:
        """Return the workflow with its marks; see `Journal.load`."""

        def load(work: Session) -> Loaded | None:
            found = _find(work, workflow_id)
            return None if found is None else _loaded(work, found)

        return self._transactions.read(load)

    def live(self, subject: str, work: Session | None = None) -> WorkflowRow | None:
        """Return the unfinished workflow of ``subject``; see `Journal.live`."""

        def live(work: Session) -> WorkflowRow | None:
            query = sa.select(*COLUMNS).where(W.live_subject == subject)
            row = work.cell_db.execute(query).mappings().first()
            return None if row is None else record(row)

        return self._transactions.read(live) if work is None else live(work)

    def hold(self, subjects: Collection[str], work: Session) -> Sequence[WorkflowRow]:
        """Return the unfinished workflows of ``subjects``; see `Journal.hold`."""
        live = sa.select(W.id).where(W.live_subject.in_(tuple(subjects)))
        ids = tuple(work.cell_db.execute(live).scalars())
        # By id, as whoever moves one locks it.
        query = sa.select(*COLUMNS).where(W.id.in_(ids)).order_by(W.id).with_for_update()
        rows = [record(row) for row in work.cell_db.execute(query).mappings()]
        return [row for row in rows if row.finished_at is None]

    def lease(self, workflow_id: WorkflowId, lease: Lease) -> Loaded | None:
        """Take the lease; see `Journal.lease`."""

        def take(work: Session) -> Loaded | None:
            found = _find(work, workflow_id, lock=True)
            if found is None or found.row.finished_at is not None:
                return None
            if found.row.leased_by != lease.owner and not found.free:
                return None
            found = dataclasses.replace(found, row=_leased(found.row, lease, found.now))
            _save_lease(work, found.row)
            return _loaded(work, found)

        return self._transactions.run(take)

    def lease_due(self, lease: Lease, *, limit: int) -> Sequence[WorkflowId]:
        """Take the lease of what is due; see `Journal.lease_due`."""

        def due(now: dt.datetime) -> sa.Select[Any]:
            free = sa.or_(W.lease_until.is_(None), W.lease_until <= now)
            return sa.select(W.id).where(W.due_at <= now, free).order_by(W.due_at).limit(limit)

        def take(work: Session) -> Sequence[WorkflowId]:
            now = work.now()
            query = due(now).with_for_update(skip_locked=True)
            ids = [WorkflowId(i) for i in work.cell_db.execute(query).scalars()]
            if ids:
                _extend(work, ids, lease)
            return ids

        # Mostly nothing is due: then nothing is locked, and SQLite's one writer not kept busy.
        if not self._transactions.read(
            lambda work: work.cell_db.execute(due(work.now())).scalars().all()
        ):
            return []
        return self._transactions.run(take)

    def renew(self, ids: Collection[WorkflowId], lease: Lease) -> Collection[WorkflowId]:
        """Extend leases; see `Journal.renew`."""

        def renew(work: Session) -> list[WorkflowId]:
            query = (
                sa.select(W.id)
                .where(W.id.in_(tuple(ids)), W.leased_by == lease.owner)
                .order_by(W.id)
            )
            held = [WorkflowId(i) for i in work.cell_db.execute(query).scalars()]
            # A row that is locked is being committed: it must not hold up the other leases.
            free = list(work.cell_db.execute(query.with_for_update(skip_locked=True)).scalars())
            if free:
                _extend(work, free, lease)
            return held

        return self._transactions.run(renew) if ids else []

    def release(self, workflow_id: WorkflowId, owner: str) -> None:
        """Give the lease back; see `Journal.release`."""

        def release(work: Session) -> None:
            work.cell_db.execute(
                sa.update(cell.workflows)
                .where(W.id == workflow_id, W.leased_by == owner)
                .values(leased_by=None, lease_until=None)
            )

        self._transactions.run(release)

    def commit(self, commit: Commit) -> Committed:
        """Write marks, row and state; see `Journal.commit`."""

        def write(work: Session) -> Committed:
            found = _find(work, commit.id, lock=True)
            if found is None or found.row.leased_by != commit.owner:
                raise LeaseLost(workflow_id=commit.id)
            change = commit.change
            if change.outcome is not None and found.row.interrupt and not change.take_interrupt:
                raise InterruptPending(workflow_id=commit.id)
            _append(work, found, commit)
            row = _changed(found.row, change, found.now)
            _save(work, row, found.now, marks=found.marks + len(commit.marks))
            if commit.apply is not None:
                commit.apply(work)
            return Committed(row=row, now=found.now)

        return self._transactions.run(write)

    def deliver(
        self,
        workflow_id: WorkflowId,
        *,
        epoch: int,
        step: str,
        outcome: Outcome,
        lease: Lease | None = None,
    ) -> WorkflowRow:
        """Put ``outcome`` into the inbox; see `Journal.deliver`."""

        def put(work: Session) -> WorkflowRow:
            found = _find(work, workflow_id, lock=True)
            if (
                found is None
                or found.row.finished_at is not None
                or (found.row.waiting_for, found.row.epoch) != (step, epoch)
                or found.row.inbox is not None
            ):
                raise Obsolete(workflow_id=workflow_id, step=step, epoch=epoch)
            row = dataclasses.replace(found.row, inbox=encode(outcome), wake_at=found.now)
            if lease is not None and (row.leased_by == lease.owner or found.free):
                row = _leased(row, lease, found.now)
            _save(work, row, found.now)
            return row

        return self._transactions.run(put)

    def interrupt(self, workflow_id: WorkflowId, reason: str, work: Session | None = None) -> bool:
        """Set the interrupt; see `Journal.interrupt`."""

        def interrupt(work: Session) -> bool:
            now = work.now()
            done = work.cell_db.execute(
                sa.update(cell.workflows)
                .where(W.id == workflow_id, W.finished_at.is_(None))
                .values(interrupt=reason, wake_at=now, due_at=now)
            )
            return bool(done.rowcount)

        return self._transactions.run(interrupt) if work is None else interrupt(work)


def _find(work: Session, workflow_id: WorkflowId, *, lock: bool = False) -> _Found | None:
    query = _LOCKED if lock else _BY_ID
    row = work.cell_db.execute(query, {"workflow_id": workflow_id}).mappings().first()
    if row is None:
        return None
    work.clock_read(row["clock"])
    return _Found(row=record(row), marks=row["mark_count"], now=work.now())


def _loaded(work: Session, found: _Found) -> Loaded:
    rows = work.cell_db.execute(_MARKS, {"workflow_id": found.row.id})
    return Loaded(row=found.row, marks=tuple(_mark(row) for row in rows), now=found.now)


def _mark(row: Any) -> Mark:
    values = dict(zip(_MARK, row, strict=True))
    return Mark(**{**values, "kind": MarkKind(values["kind"])})


def _append(work: Session, found: _Found, commit: Commit) -> None:
    expected = range(found.marks, found.marks + len(commit.marks))
    if [mark.n for mark in commit.marks] != list(expected):
        raise LeaseLost("The journal has other marks.", workflow_id=commit.id)
    rows = [
        {
            "workflow_id": commit.id,
            **{name: getattr(mark, name) for name in _MARK},
            "kind": mark.kind.value,
            "at": found.now,
        }
        for mark in commit.marks
    ]
    if rows:
        work.cell_db.execute(_INSERT_MARKS, rows)


def _leased(row: WorkflowRow, lease: Lease, now: dt.datetime) -> WorkflowRow:
    until = now + dt.timedelta(seconds=lease.seconds)
    return dataclasses.replace(row, leased_by=lease.owner, lease_until=until)


def _extend(work: Session, ids: list[WorkflowId], lease: Lease) -> None:
    until = work.now() + dt.timedelta(seconds=lease.seconds)
    work.cell_db.execute(
        sa.update(cell.workflows)
        .where(W.id.in_(ids))
        .values(leased_by=lease.owner, lease_until=until)
    )


def _save_lease(work: Session, row: WorkflowRow) -> None:
    work.cell_db.execute(
        sa.update(cell.workflows)
        .where(W.id == row.id)
        .values(leased_by=row.leased_by, lease_until=row.lease_until)
    )


_FIXED = frozenset({"id", "kind", "subject", "params", "context", "created_at"})
_MOVING = tuple(name for name in FIELDS if name not in _FIXED)


def _save(work: Session, row: WorkflowRow, now: dt.datetime, *, marks: int | None = None) -> None:
    values = _moving(row, now)
    if marks is not None:
        values["mark_count"] = marks
    work.cell_db.execute(sa.update(cell.workflows).where(W.id == row.id).values(values))


def _columns(row: WorkflowRow, now: dt.datetime) -> dict[str, Any]:
    fixed = {name: getattr(row, name) for name in _FIXED}
    return fixed | _moving(row, now)


def _moving(row: WorkflowRow, now: dt.datetime) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in _MOVING}
    finished = row.finished_at is not None
    called = row.inbox is not None or row.interrupt is not None
    values["state"] = row.state.value
    values["live_subject"] = None if finished else row.subject
    values["due_at"] = None if finished else now if called else row.wake_at
    return values


def _changed(row: WorkflowRow, change: RowChange, now: dt.datetime) -> WorkflowRow:
    """Return the row that `change` makes of `row`, as `RowChange` describes it."""
    values: dict[str, Any] = {
        "state": change.state,
        "epoch": change.epoch,
        "waiting_for": change.waiting_for,
        "tries": change.tries,
        "trouble": change.trouble,
    }
    if (row.epoch, row.waiting_for) != (change.epoch, change.waiting_for):
        values |= {"inbox": None, "deadline": None}
    if change.take_interrupt:
        values["interrupt"] = None
    if change.wake_in is not None:
        values["wake_at"] = now + dt.timedelta(seconds=change.wake_in)
    if change.deadline_in is not None:
        values["deadline"] = now + dt.timedelta(seconds=change.deadline_in)
    if change.release:
        values |= {"leased_by": None, "lease_until": None}
        if values.get("inbox", row.inbox) or values.get("interrupt", row.interrupt):
            values["wake_at"] = now
    if change.outcome is not None:
        values |= dict.fromkeys(_CLEARED) | {
            "state": WorkflowState.FINISHED,
            "outcome": change.outcome,
            "finished_at": now,
        }
    return dataclasses.replace(row, **values)


_CLEARED = ("wake_at", "deadline", "inbox", "waiting_for", "leased_by", "lease_until")
