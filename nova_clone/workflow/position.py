"""Where a workflow stands, derived from its marks and nothing else."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from nova_clone.domain.errors import Interrupted, NovaError
from nova_clone.workflow.journal import Mark, MarkKind
from nova_clone.workflow.outcome import Failure, decode
from nova_clone.workflow.step import FailedAttempt, Slot, Workflow


@dataclasses.dataclass(kw_only=True)
class Running:
    """A step that began and was not undone."""

    slot: Slot
    attempt: int
    epoch: int
    sent: bool = False
    done: bool = False


class Position:
    """The marks of one workflow, folded.

    ``index`` is the step to do next; ``stack`` holds the steps to undo, in the order they
    began; while ``unwinding``, those from the slot ``floor`` on are undone, then the next
    alternate is tried (``elsewhere``) or the workflow ends with ``error``.
    """

    def __init__(self, workflow: Workflow, marks: tuple[Mark, ...] = ()) -> None:
        self.slots = workflow.slots
        self.index = 0
        self.attempt = 0
        self.epoch = 0
        self.outputs: dict[str, Any] = {}
        self.stack: list[Running] = []
        self.failures: list[FailedAttempt] = []
        self.error: NovaError | None = None
        self.unwinding = False
        self.floor = 0
        self.elsewhere = False
        self.hindered = False
        self.hindered_at: dt.datetime | None = None
        self.finished = False
        self._by_name = {slot.step.name: slot for slot in self.slots}
        for mark in marks:
            self.add(mark)

    @property
    def slot(self) -> Slot | None:
        """The step to do next, or None behind the last one."""
        return self.slots[self.index] if self.index < len(self.slots) else None

    @property
    def current(self) -> Running | None:
        """The step that began and is not done, or None."""
        top = self.stack[-1] if self.stack else None
        return None if top is None or top.done else top

    @property
    def to_undo(self) -> Running | None:
        """The step to undo next, or None if nothing (more) has to be undone now."""
        if not self.unwinding or not self.stack:
            return None
        top = self.stack[-1]
        return top if top.slot.index >= self.floor else None

    @property
    def waiting_for(self) -> str | None:
        """The step whose answer is acceptable now, or None."""
        current = self.current
        if self.unwinding or current is None or current.slot.step.wait is None:
            return None
        return current.slot.step.name

    def add(self, mark: Mark) -> None:
        """Move on by one mark."""
        if mark.kind is not MarkKind.HINDERED:
            self.hindered, self.hindered_at = False, None
        match mark.kind:
            case MarkKind.STARTED:
                self._started(mark)
            case MarkKind.SENT:
                self._started(mark).sent = True
            case MarkKind.DONE:
                self._done(mark)
            case MarkKind.HINDERED:
                self.hindered, self.hindered_at = True, mark.at
            case MarkKind.ELSEWHERE:
                slot = self._slot(mark)
                self._unwind(_failure(mark), to=slot.first, elsewhere=True, mark=mark)
            case MarkKind.FAILED:
                self._unwind(_failure(mark), to=0, elsewhere=False, mark=mark)
            case MarkKind.INTERRUPTED:
                self._unwind(_failure(mark), to=0, elsewhere=False, mark=mark)
            case MarkKind.UNDONE:
                self._undone(mark)
            case MarkKind.FINISHED:
                self.finished = True

    def _slot(self, mark: Mark) -> Slot:
        try:
            return self._by_name[mark.step]
        except KeyError:
            raise NovaError(f"The journal names an unknown step {mark.step!r}.") from None

    def _started(self, mark: Mark) -> Running:
        slot, current = self._slot(mark), self.current
        if current is not None and current.slot is slot:
            return current
        running = Running(slot=slot, attempt=mark.attempt, epoch=mark.epoch)
        self.stack.append(running)
        self.epoch = max(self.epoch, mark.epoch)
        return running

    def _done(self, mark: Mark) -> None:
        running = self._started(mark)
        running.done = True
        if mark.output is not None:
            self.outputs[mark.step] = decode(mark.output, running.slot.step.output)
        self.index = running.slot.index + 1
        following = self.slot
        if following is None or following.retry is not running.slot.retry:
            self.attempt = 0

    def _unwind(self, error: NovaError, *, to: int, elsewhere: bool, mark: Mark) -> None:
        if not isinstance(error, Interrupted):
            self.failures.append(FailedAttempt(step=mark.step, attempt=mark.attempt, error=error))
        self.error, self.unwinding = error, True
        self.floor, self.elsewhere = to, elsewhere
        self._settle()

    def _undone(self, mark: Mark) -> None:
        running = self.stack.pop()
        if running.slot.step.name != mark.step:
            raise NovaError(f"The journal undoes {mark.step!r} out of order.")
        self.outputs.pop(mark.step, None)
        self._settle()

    def _settle(self) -> None:
        if self.elsewhere and self.to_undo is None:
            self.attempt += 1
            self.index = self.floor
            self.error, self.unwinding, self.elsewhere = None, False, False


def _failure(mark: Mark) -> NovaError:
    return decode(mark.output or "{}", Failure).error()  # type: ignore[no-any-return]
