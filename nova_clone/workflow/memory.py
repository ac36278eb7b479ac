"""A journal in memory, with the same behaviour as the store's: for tests and rehearsals."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import datetime as dt
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

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
    RowChange,
    WorkflowRow,
    WorkflowState,
)
from nova_clone.workflow.outcome import Outcome, encode
from nova_clone.workflow.step import UnitOfWork


def utc_now() -> dt.datetime:
    """Return the present time in UTC."""
    return dt.datetime.now(dt.UTC)


@dataclasses.dataclass
class MemoryWork:
    """The open transaction of a `MemoryJournal`: free tables of plain values."""

    tables: dict[str, Any]


class MemoryJournal:
    """Keeps rows, marks and the caller's tables in dictionaries; a lock is the transaction."""

    def __init__(self, *, clock: Callable[[], dt.datetime] = utc_now) -> None:
        self.tables: dict[str, Any] = {}
        self.commits = 0
        self._clock = clock
        self._lock = threading.RLock()
        self._rows: dict[WorkflowId, WorkflowRow] = {}
        self._marks: dict[WorkflowId, tuple[Mark, ...]] = {}
        self._work: MemoryWork | None = None

    @contextlib.contextmanager
    def begin(self) -> Iterator[MemoryWork]:
        """Open a transaction, or join the one that is open: all of it counts or nothing."""
        with self._lock:
            if self._work is not None:
                yield self._work
                return
            before = (copy.deepcopy(self.tables), dict(self._rows), dict(self._marks))
            self._work = MemoryWork(self.tables)
            try:
                yield self._work
                self.commits += 1
            except BaseException:
                self.tables, self._rows, self._marks = before
                raise
            finally:
                self._work = None

    def rows(self) -> tuple[WorkflowRow, ...]:
        """Return every workflow, oldest first."""
        with self._lock:
            return tuple(self._rows.values())

    def now(self) -> dt.datetime:
        """Return the time of the clock this journal was given."""
        return self._clock()

    def create(self, row: WorkflowRow, work: UnitOfWork, *, lease: Lease | None = None) -> None:
        """Add ``row``; see `Journal.create`."""
        with self.begin():
            if row.id in self._rows or self.live(row.subject, work) is not None:
                raise Conflict("Unfinished work for this subject exists.", subject=row.subject)
            now = self.now()
            row = dataclasses.replace(row, created_at=now, wake_at=now)
            self._rows[row.id] = row if lease is None else _leased(row, lease, now)
            self._marks[row.id] = ()

    def load(self, workflow_id: WorkflowId) -> Loaded | None:
        """Return the workflow with its marks; see `Journal.load`."""
        with self._lock:
            row = self._rows.get(workflow_id)
            if row is None:
                return None
            return Loaded(row=row, marks=self._marks[workflow_id], now=self.now())

    def live(self, subject: str, work: UnitOfWork | None = None) -> WorkflowRow | None:
        """Return the unfinished workflow of ``subject``; see `Journal.live`."""
        with self._lock:
            for row in self._rows.values():
                if row.subject == subject and row.finished_at is None:
                    return row
            return None

    def hold(self, subjects: Collection[str], work: UnitOfWork) -> Sequence[WorkflowRow]:
        """Return the unfinished workflows of ``subjects``; see `Journal.hold`."""
        with self.begin():
            rows = self._rows.values()
            return [row for row in rows if row.subject in subjects and row.finished_at is None]

    def lease(self, workflow_id: WorkflowId, lease: Lease) -> Loaded | None:
        """Take the lease; see `Journal.lease`."""
        with self.begin():
            row = self._rows.get(workflow_id)
            now = self.now()
            if row is None or row.finished_at is not None:
                return None
            if row.leased_by != lease.owner and not _is_free(row, now):
                return None
            self._rows[row.id] = _leased(row, lease, now)
            return self.load(workflow_id)

    def lease_due(self, lease: Lease, *, limit: int) -> Sequence[WorkflowId]:
        """Take the lease of what is due; see `Journal.lease_due`."""
        now = self.now()
        with self._lock:
            due = sorted(
                (row for row in self._rows.values() if _is_due(row, now)),
                key=lambda row: row.wake_at or now,
            )[:limit]
            if not due:
                return []
            with self.begin():
                self._rows.update({row.id: _leased(row, lease, now) for row in due})
            return [row.id for row in due]

    def renew(self, ids: Collection[WorkflowId], lease: Lease) -> Collection[WorkflowId]:
        """Extend leases; see `Journal.renew`."""
        with self.begin():
            now = self.now()
            held = [i for i in ids if i in self._rows and self._rows[i].leased_by == lease.owner]
            self._rows.update({i: _leased(self._rows[i], lease, now) for i in held})
            return held

    def release(self, workflow_id: WorkflowId, owner: str) -> None:
        """Give the lease back; see `Journal.release`."""
        with self.begin():
            row = self._rows.get(workflow_id)
            if row is not None and row.leased_by == owner:
                self._rows[row.id] = dataclasses.replace(row, leased_by=None, lease_until=None)

    def commit(self, commit: Commit) -> Committed:
        """Write marks, row and state; see `Journal.commit`."""
        change = commit.change
        with self.begin() as work:
            row = self._rows.get(commit.id)
            if row is None or row.finished_at is not None or row.leased_by != commit.owner:
                raise LeaseLost(workflow_id=commit.id)
            if change.outcome is not None and row.interrupt and not change.take_interrupt:
                raise InterruptPending(workflow_id=commit.id)
            now = self.now()
            marks = self._marks[commit.id]
            added = tuple(dataclasses.replace(mark, at=now) for mark in commit.marks)
            if [mark.n for mark in added] != list(range(len(marks), len(marks) + len(added))):
                raise LeaseLost("The journal has other marks.", workflow_id=commit.id)
            self._marks[commit.id] = marks + added
            self._rows[commit.id] = _changed(row, change, now)
            if commit.apply is not None:
                commit.apply(work)
            return Committed(row=self._rows[commit.id], now=now)

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
        with self.begin():
            row = self._rows.get(workflow_id)
            now = self.now()
            if (
                row is None
                or row.finished_at is not None
                or (row.waiting_for, row.epoch) != (step, epoch)
                or row.inbox is not None
            ):
                raise Obsolete(workflow_id=workflow_id, step=step, epoch=epoch)
            row = dataclasses.replace(row, inbox=encode(outcome), wake_at=now)
            if lease is not None and (row.leased_by == lease.owner or _is_free(row, now)):
                row = _leased(row, lease, now)
            self._rows[workflow_id] = row
            return row

    def interrupt(
        self, workflow_id: WorkflowId, reason: str, work: UnitOfWork | None = None
    ) -> bool:
        """Set the interrupt; see `Journal.interrupt`."""
        with self.begin():
            row = self._rows.get(workflow_id)
            if row is None or row.finished_at is not None:
                return False
            self._rows[workflow_id] = dataclasses.replace(row, interrupt=reason, wake_at=self.now())
            return True


def _is_free(row: WorkflowRow, now: dt.datetime) -> bool:
    return row.lease_until is None or row.lease_until <= now


def _is_due(row: WorkflowRow, now: dt.datetime) -> bool:
    if row.finished_at is not None or not _is_free(row, now):
        return False
    called = row.inbox is not None or row.interrupt is not None
    return called or (row.wake_at is not None and row.wake_at <= now)


def _leased(row: WorkflowRow, lease: Lease, now: dt.datetime) -> WorkflowRow:
    until = now + dt.timedelta(seconds=lease.seconds)
    return dataclasses.replace(row, leased_by=lease.owner, lease_until=until)


def _changed(row: WorkflowRow, change: RowChange, now: dt.datetime) -> WorkflowRow:
    same_wait = (row.epoch, row.waiting_for) == (change.epoch, change.waiting_for)
    row = dataclasses.replace(
        row,
        state=change.state,
        epoch=change.epoch,
        waiting_for=change.waiting_for,
        inbox=row.inbox if same_wait else None,
        deadline=row.deadline if same_wait else None,
        interrupt=None if change.take_interrupt else row.interrupt,
        tries=change.tries,
        trouble=change.trouble,
    )
    if change.wake_in is not None:
        row = dataclasses.replace(row, wake_at=_after(now, change.wake_in))
    if change.deadline_in is not None:
        row = dataclasses.replace(row, deadline=_after(now, change.deadline_in))
    if change.release:
        called = row.inbox is not None or row.interrupt is not None
        row = dataclasses.replace(
            row, leased_by=None, lease_until=None, wake_at=now if called else row.wake_at
        )
    if change.outcome is None:
        return row
    return dataclasses.replace(
        row,
        state=WorkflowState.FINISHED,
        outcome=change.outcome,
        finished_at=now,
        wake_at=None,
        deadline=None,
        inbox=None,
        waiting_for=None,
        leased_by=None,
        lease_until=None,
    )


def _after(now: dt.datetime, seconds: float) -> dt.datetime:
    return now + dt.timedelta(seconds=seconds)
