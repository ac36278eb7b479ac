"""The marks of one execution that are not written yet, and the writing of them."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

from nova_clone.domain.errors import NovaError, Unavailable
from nova_clone.domain.identity import WorkflowId
from nova_clone.workflow.journal import (
    Commit,
    InterruptPending,
    Journal,
    LeaseLost,
    Loaded,
    Mark,
    MarkKind,
    RowChange,
    WorkflowState,
)
from nova_clone.workflow.outcome import Failure, encode
from nova_clone.workflow.position import Position, Running
from nova_clone.workflow.step import Apply, Done, Slot, UnitOfWork, Workflow

LOG = logging.getLogger(__name__)


class ApplyFailed(Exception):
    """The state change that belongs to ``mark`` was refused; nothing was committed."""

    def __init__(self, mark: Mark, error: NovaError) -> None:
        super().__init__(str(error))
        self.mark = mark
        self.error = error


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sleep:
    """How the lease is given back: what is waited for, and when the row is due again."""

    state: WorkflowState
    wake_in: float
    deadline_in: float | None = None
    trouble: NovaError | None = None


class Ledger:
    """Row, marks and position of a leased workflow as this execution sees them.

    ``woken`` collects the workflows that committed steps want to be run.
    """

    def __init__(self, journal: Journal, owner: str, *, workflow: Workflow, loaded: Loaded) -> None:
        self.row = loaded.row
        self.now = loaded.now
        self.position = Position(workflow, loaded.marks)
        self.woken: list[WorkflowId] = []
        self._journal = journal
        self._owner = owner
        self._workflow = workflow
        self._written = list(loaded.marks)
        self._marks: list[Mark] = []
        self._applies: dict[int, Apply] = {}
        self._wakes: dict[int, tuple[WorkflowId, ...]] = {}

    @property
    def has_marks(self) -> bool:
        """Whether marks are waiting to be written."""
        return bool(self._marks)

    @property
    def has_applies(self) -> bool:
        """Whether a state change is waiting to be written."""
        return bool(self._applies)

    def mark(
        self,
        kind: MarkKind,
        slot: Slot | None = None,
        *,
        running: Running | None = None,
        epoch: int = 0,
        output: str | None = None,
        done: Done | None = None,
    ) -> None:
        """Note a mark, and with ``done`` the state change that has to be written with it."""
        current = running or self.position.current
        if slot is not None and current is not None and current.slot is slot:
            epoch = current.epoch
        mark = Mark(
            n=len(self._written) + len(self._marks),
            step="" if slot is None else slot.step.name,
            kind=kind,
            attempt=self.position.attempt if running is None else running.attempt,
            epoch=epoch,
            output=output,
        )
        self.position.add(mark)
        self._marks.append(mark)
        if done is not None and done.apply is not None:
            self._applies[mark.n] = done.apply
        if done is not None:
            self._wakes[mark.n] = done.wake

    def write(self, *, sleep: Sleep | None = None, outcome: str | None = None) -> None:
        """Write what is noted, in one transaction; then sleep or finish, if asked to.

        Raises `ApplyFailed`, `LeaseLost`, `InterruptPending` or `Unavailable`, each with
        nothing written and everything still noted.
        """
        trouble = None if sleep is None else sleep.trouble
        change = RowChange(
            state=WorkflowState.READY if sleep is None else sleep.state,
            epoch=self.position.epoch,
            waiting_for=self.position.waiting_for,
            wake_in=None if sleep is None else sleep.wake_in,
            deadline_in=None if sleep is None else sleep.deadline_in,
            tries=0 if trouble is None else self.row.tries + 1,
            trouble=None if trouble is None else encode(Failure.of(trouble)),
            take_interrupt=any(mark.kind is MarkKind.INTERRUPTED for mark in self._marks),
            release=sleep is not None,
            outcome=outcome,
        )
        commit = Commit(
            id=self.row.id,
            owner=self._owner,
            marks=tuple(self._marks),
            change=change,
            apply=self._apply_all if self._applies else None,
        )
        committed = self._commit(commit)
        self.row, self.now = committed.row, committed.now
        self._written += self._marks
        for wake in self._wakes.values():
            self.woken += wake
        self._marks, self._applies, self._wakes = [], {}, {}

    def forget(self, first: int) -> None:
        """Drop the noted marks from number ``first`` on, with what belongs to them."""
        self._marks = [mark for mark in self._marks if mark.n < first]
        self._applies = {n: apply for n, apply in self._applies.items() if n < first}
        self._wakes = {n: wake for n, wake in self._wakes.items() if n < first}
        self.position = Position(self._workflow, (*self._written, *self._marks))

    def refresh(self) -> None:
        """Read the row again after `InterruptPending` and drop the final mark."""
        loaded = self._journal.load(self.row.id)
        if loaded is None or loaded.row.leased_by != self._owner:
            raise LeaseLost(workflow_id=self.row.id)
        self.row, self.now = loaded.row, loaded.now
        self.forget(self._marks[-1].n)

    def _commit(self, commit: Commit) -> Any:
        try:
            return self._journal.commit(commit)
        except (ApplyFailed, LeaseLost, InterruptPending, Unavailable):
            raise
        except Exception as error:
            # The journal tells storage trouble as Unavailable, so this is a fault in the
            # state change: the step has to fail visibly instead of being repeated for ever.
            LOG.exception("The state of workflow %s could not be changed", commit.id)
            if not self._applies:
                raise
            mark = next(mark for mark in self._marks if mark.n in self._applies)
            raise ApplyFailed(mark, Failure.of(error).error()) from error

    def _apply_all(self, work: UnitOfWork) -> None:
        for mark in self._marks:
            apply = self._applies.get(mark.n)
            if apply is None:
                continue
            try:
                apply(work)
            except NovaError as error:
                raise ApplyFailed(mark, error) from error
