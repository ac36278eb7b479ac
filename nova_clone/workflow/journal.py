"""The memory of workflows: rows, marks, and the operations that move them.

Every operation is one transaction. Every point in time is read from the journal's own clock
(for SQL: the database's), in UTC. An operation that cannot reach its storage raises
`Unavailable` and has changed nothing that it does not confirm later.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from collections.abc import Collection, Sequence
from typing import Any, Protocol

from nova_clone.domain.errors import Conflict
from nova_clone.domain.identity import RequestContext, WorkflowId, new_uuid
from nova_clone.workflow.outcome import Outcome, encode
from nova_clone.workflow.step import Apply, UnitOfWork, Workflow


class LeaseLost(Conflict):
    """Another worker has taken over this workflow."""


class InterruptPending(Conflict):
    """The workflow cannot finish before it has looked at the interrupt."""


class WorkflowState(enum.StrEnum):
    """What a workflow needs next: a worker, a moment, an answer, or nothing more."""

    READY = "ready"
    NAPPING = "napping"
    WAITING = "waiting"
    FINISHED = "finished"


class MarkKind(enum.StrEnum):
    """What a mark tells. The marks of a workflow alone say where it stands."""

    #: A step with outside effects is about to run: from here on it has to be undone.
    STARTED = "started"
    #: The ``do`` of a waiting step has returned; its answer is awaited.
    SENT = "sent"
    DONE = "done"
    #: A ``do`` or ``undo`` could not get through for the first time and is being repeated.
    HINDERED = "hindered"
    #: The step failed on this alternate; the next one is tried once this one is undone.
    ELSEWHERE = "elsewhere"
    #: The step failed for good: everything is undone.
    FAILED = "failed"
    #: An interrupt was noticed: everything is undone.
    INTERRUPTED = "interrupted"
    UNDONE = "undone"
    FINISHED = "finished"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mark:
    """One line of the journal; ``at`` is set by the journal.

    ``output`` is JSON: the output of a step that is done, or a `Failure`.
    """

    n: int
    step: str
    kind: MarkKind
    attempt: int = 0
    epoch: int = 0
    output: str | None = None
    at: dt.datetime | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class WorkflowRow:
    """A workflow as it is stored.

    The row is due when ``wake_at`` has come and no lease runs; finished rows have no
    ``wake_at``. ``epoch`` numbers the waits of the workflow, ``waiting_for`` names the step
    whose answer is accepted (it is open from before ``do`` until the answer is used), and
    ``inbox`` holds an `Outcome` that was delivered and not used yet. ``interrupt`` holds a
    reason that was not noticed yet. ``tries`` and ``trouble`` tell how often and why the
    present step is being repeated. ``outcome`` is the final `Outcome`.
    """

    id: WorkflowId
    kind: str
    subject: str
    params: str
    context: str
    state: WorkflowState = WorkflowState.READY
    leased_by: str | None = None
    lease_until: dt.datetime | None = None
    wake_at: dt.datetime | None = None
    deadline: dt.datetime | None = None
    epoch: int = 0
    waiting_for: str | None = None
    inbox: str | None = None
    interrupt: str | None = None
    tries: int = 0
    trouble: str | None = None
    outcome: str | None = None
    created_at: dt.datetime | None = None
    finished_at: dt.datetime | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lease:
    """A claim on a workflow: who holds it, and for how many seconds from now."""

    owner: str
    seconds: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Loaded:
    """A workflow with its marks in order, read at ``now`` of the journal's clock."""

    row: WorkflowRow
    marks: tuple[Mark, ...]
    now: dt.datetime


@dataclasses.dataclass(frozen=True, kw_only=True)
class RowChange:
    """What a commit writes into the row besides its marks.

    ``wake_in`` sets ``wake_at`` to so many seconds from now and None leaves it as it is.
    ``deadline_in`` sets the deadline likewise; without it the deadline is kept while
    ``waiting_for`` stays the same and is cleared otherwise. The inbox is emptied whenever
    ``epoch`` or ``waiting_for`` change. ``take_interrupt`` empties ``interrupt``. ``release``
    gives the lease back, and the row is due at once if an outcome or an interrupt is in it.
    ``outcome`` finishes the workflow: ``finished_at`` is set, ``wake_at``, ``deadline``,
    ``inbox`` and the lease are cleared.
    """

    state: WorkflowState
    epoch: int
    waiting_for: str | None = None
    wake_in: float | None = None
    deadline_in: float | None = None
    tries: int = 0
    trouble: str | None = None
    take_interrupt: bool = False
    release: bool = False
    outcome: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Commit:
    """One transaction of a running workflow: marks, row and state together or not at all."""

    id: WorkflowId
    owner: str
    marks: tuple[Mark, ...]
    change: RowChange
    apply: Apply | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Committed:
    """The row as a commit left it, at ``now`` of the journal's clock."""

    row: WorkflowRow
    now: dt.datetime


class Journal(Protocol):
    """Where workflows are kept. `MemoryJournal` and the store's SQL journal behave alike."""

    def now(self) -> dt.datetime:
        """Return the time of the clock that every lease and deadline is measured by."""

    def create(self, row: WorkflowRow, work: UnitOfWork, *, lease: Lease | None = None) -> None:
        """Add ``row``, due now, inside the caller's transaction; optionally leased at once.

        Raises `Conflict` when an unfinished workflow for the same subject exists.
        """

    def load(self, workflow_id: WorkflowId) -> Loaded | None:
        """Return the workflow with its marks, or None if there is no such workflow."""

    def live(self, subject: str, work: UnitOfWork | None = None) -> WorkflowRow | None:
        """Return the unfinished workflow of ``subject``, within ``work`` if it is given."""

    def hold(self, subjects: Collection[str], work: UnitOfWork) -> Sequence[WorkflowRow]:
        """Return the unfinished workflows of ``subjects``, which stay so until ``work`` ends.

        Nothing else moves them meanwhile.
        """

    def lease(self, workflow_id: WorkflowId, lease: Lease) -> Loaded | None:
        """Take the lease and return the workflow.

        None if it is finished or unknown, or if somebody else holds a lease that still runs.
        The present holder may take it again.
        """

    def lease_due(self, lease: Lease, *, limit: int) -> Sequence[WorkflowId]:
        """Take the lease of up to ``limit`` workflows that are due and return their ids.

        Due are unfinished workflows without a running lease whose ``wake_at`` has come or
        that hold an outcome or an interrupt. The longest due come first.
        """

    def renew(self, ids: Collection[WorkflowId], lease: Lease) -> Collection[WorkflowId]:
        """Extend the leases of ``ids`` that ``lease.owner`` still holds and return those."""

    def release(self, workflow_id: WorkflowId, owner: str) -> None:
        """Give the lease back, if ``owner`` holds it; the row is due when it was before."""

    def commit(self, commit: Commit) -> Committed:
        """Write marks and row and call ``commit.apply`` with the open transaction.

        Raises `LeaseLost` if ``commit.owner`` is not the holder any more, `InterruptPending`
        if the commit would finish a workflow while an interrupt (that it does not take) is in
        the row, and whatever ``apply`` raises. Nothing has changed then. The expiry of the
        lease alone does not matter while nobody else has taken it.
        """

    def deliver(
        self,
        workflow_id: WorkflowId,
        *,
        epoch: int,
        step: str,
        outcome: Outcome,
        lease: Lease | None = None,
    ) -> WorkflowRow:
        """Put ``outcome`` into the inbox, make the row due, and lease it if it is free.

        Raises `Obsolete`, with nothing changed, unless the workflow is unfinished, waits for
        just this step and epoch, and has no outcome yet.
        """

    def interrupt(
        self,
        workflow_id: WorkflowId,
        reason: str,
        work: UnitOfWork | None = None,
    ) -> bool:
        """Set the interrupt and make the row due; False if the workflow is finished."""


def new_workflow(
    workflow: Workflow, *, subject: str, params: Any, context: RequestContext
) -> WorkflowRow:
    """Return the row of a new piece of work of this kind, for `Journal.create`."""
    return WorkflowRow(
        id=WorkflowId(new_uuid()),
        kind=workflow.kind,
        subject=subject,
        params=encode(params),
        context=encode(context.stored()),
    )
