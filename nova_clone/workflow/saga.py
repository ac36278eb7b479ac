"""The executor: runs one leased workflow forward, unwinds it, and takes up where marks end.

Marks are gathered and written together with the next thing that has to be on record:

- the intent of a step that is not pure is committed before its ``do`` is called;
- an ``apply`` is committed before the next function is called;
- a failure is committed before anything is undone.

A crash between two commits therefore repeats at most the functions since the last one. A
waiting step that is repeated keeps its epoch; only a new alternate gets a new one.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from nova_clone.domain.errors import Interrupted, NovaError, TimedOut, Unavailable
from nova_clone.domain.identity import WorkflowId
from nova_clone.workflow.calling import Call, Caller, Observer, count
from nova_clone.workflow.journal import (
    InterruptPending,
    Journal,
    LeaseLost,
    Loaded,
    MarkKind,
    WorkflowState,
)
from nova_clone.workflow.ledger import ApplyFailed, Ledger, Sleep
from nova_clone.workflow.outcome import Failure, Outcome, decode, encode
from nova_clone.workflow.position import Running
from nova_clone.workflow.step import Done, Nap, Slot, Step, StepContext, Wait, Workflow

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pace:
    """How many seconds to wait before something is tried again.

    The pause doubles from ``first`` up to ``longest``; after an error that nobody foresaw in
    an undo it is ``slow``.
    """

    first: float = 1.0
    longest: float = 30.0
    slow: float = 60.0

    def delay(self, tries: int) -> float:
        """Return the pause after the ``tries``-th failure in a row, counted from 1."""
        return min(self.longest, self.first * 2.0 ** min(tries - 1, 30))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Engine:
    """What all executions of one worker share."""

    journal: Journal
    owner: str
    services: Any
    observer: Observer
    pace: Pace


class RestKind(enum.Enum):
    """Why an execution came to rest."""

    FINISHED = enum.auto()
    ASLEEP = enum.auto()
    #: An outcome or interrupt came in while the workflow was being put to sleep.
    AGAIN = enum.auto()
    STOPPED = enum.auto()
    LOST = enum.auto()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rest:
    """How an execution ended, and when the row is due again (seconds from now)."""

    kind: RestKind
    wake_in: float | None = None


class Saga:
    """One execution of one workflow under a lease that the caller has taken.

    ``halted`` is asked between steps; when it answers true the lease is given back.
    """

    def __init__(
        self, engine: Engine, workflow: Workflow, loaded: Loaded, *, halted: Callable[[], bool]
    ) -> None:
        self._journal = engine.journal
        self._pace = engine.pace
        self._workflow = workflow
        self._halted = halted
        self._ledger = Ledger(engine.journal, engine.owner, workflow=workflow, loaded=loaded)
        self._caller = Caller(
            workflow, loaded.row, services=engine.services, observer=engine.observer
        )
        self._log = self._caller.log

    @property
    def woken(self) -> list[WorkflowId]:
        """The workflows that committed steps want to be run."""
        return self._ledger.woken

    def run(self) -> Rest:
        """Go on until the workflow sleeps, finishes or is taken away.

        Raises what the journal raises when it cannot be written (`Unavailable`): what was
        done since the last commit will then be done again.
        """
        try:
            rest = None
            while rest is None:
                rest = self._advance()
        except LeaseLost:
            self._log.warning("Another worker took over")
            return Rest(kind=RestKind.LOST)
        return rest

    def _advance(self) -> Rest | None:
        try:
            return self._next()
        except ApplyFailed as failed:
            return self._refused(failed)
        except InterruptPending:
            self._ledger.refresh()
            return None

    def _next(self) -> Rest | None:
        ledger, position = self._ledger, self._ledger.position
        if ledger.row.interrupt is not None:
            return self._interrupted(ledger.row.interrupt)
        if self._halted():
            ledger.write(sleep=Sleep(state=WorkflowState.READY, wake_in=0.0))
            return Rest(kind=RestKind.STOPPED)
        if position.unwinding:
            running = position.to_undo
            return self._end(position.error) if running is None else self._undo(running)
        if position.slot is None:
            return self._end(None)
        return self._forward(position.slot)

    def _forward(self, slot: Slot) -> Rest | None:
        ledger, step, current = self._ledger, slot.step, self._ledger.position.current
        if current is None and slot.retry is not None and slot.index == slot.first:
            error = self._no_alternate(slot)
            if error is not None:
                return self._fail(slot, error)
        if current is None and (not step.pure or step.wait is not None):
            epoch = ledger.position.epoch + 1 if step.wait is not None else 0
            ledger.mark(MarkKind.STARTED, slot, epoch=epoch)
            ledger.write()
            return None
        if ledger.has_applies:
            ledger.write()
            return None
        if current is not None and step.wait is not None:
            if ledger.row.inbox is not None:
                return self._answered(slot, decode(ledger.row.inbox, Outcome))
            if current.sent and not self._is_time_to_resend(step.wait):
                return self._still_waiting(slot, current, step.wait)
        return self._do(slot)

    def _no_alternate(self, slot: Slot) -> NovaError | None:
        """Return why the steps of a retry, which must be able to undo, cannot begin."""

        def look() -> None:
            self._caller.context(self._ledger.position, slot=slot)

        result = self._caller.attempt(Call(step=slot.step.name, function=look))
        return result if isinstance(result, NovaError) else None

    def _do(self, slot: Slot) -> Rest | None:
        step, position = slot.step, self._ledger.position
        running = position.current

        def do() -> Done | Nap | None:
            return step.do(self._caller.context(position, slot=slot, running=running))

        result = self._caller.call(Call(step=step.name, function=do))
        if isinstance(result, NovaError):
            return self._hindered(slot, result)
        if isinstance(result, Nap):
            return self._sleep(WorkflowState.NAPPING, result.seconds)
        if step.wait is None or result.answered:
            return self._done(slot, result)
        if running is not None and running.sent:
            return self._sleep(WorkflowState.WAITING, self._pause(step.wait))
        return self._sent(slot, step.wait, result)

    def _done(self, slot: Slot, done: Done) -> Rest | None:
        output = None
        if done.output is not None:
            try:
                output = encode(done.output)
                decode(output, slot.step.output)
            except (TypeError, ValueError, msgspec.MsgspecError) as error:
                self._log.exception("The output of step %s cannot be kept", slot.step.name)
                return self._fail(slot, Failure.of(error).error())
        self._ledger.mark(MarkKind.DONE, slot, output=output, done=done)
        return None

    def _hindered(self, slot: Slot, error: NovaError) -> Rest | None:
        """Come back later after a peer could not be reached, or let the step fail."""
        current = self._ledger.position.current
        delay = self._pace.delay(self._ledger.row.tries + 1)
        if isinstance(error, Unavailable) and current is not None and current.sent:
            pause = min(delay, max(0.0, self._left()))
            return self._sleep(WorkflowState.WAITING, pause, trouble=error)
        if isinstance(error, Unavailable) and self._has_budget(slot.step):
            return self._again(slot, error, pause=delay)
        return self._fail(slot, error)

    def _has_budget(self, step: Step) -> bool:
        if step.attempts is not None and self._ledger.row.tries + 1 >= step.attempts:
            return False
        if step.patience is None:
            return True
        since = self._ledger.position.hindered_at
        spent = 0.0 if since is None else _seconds(self._journal.now(), since)
        return spent < step.patience

    def _fail(self, slot: Slot, error: NovaError) -> Rest | None:
        kind = MarkKind.ELSEWHERE if self._has_alternate(slot, error) else MarkKind.FAILED
        self._log.info("Step %s: %s, %s", slot.step.name, kind.value, error)
        self._ledger.mark(kind, slot, output=encode(Failure.of(error)))
        return None

    def _has_alternate(self, slot: Slot, error: NovaError) -> bool:
        retry, position = slot.retry, self._ledger.position
        if retry is None or not isinstance(error, retry.when):
            return False

        def alternates() -> Done:
            return Done(output=count(retry.over(position.outputs)))

        result = self._caller.attempt(Call(step=retry.name, function=alternates))
        return isinstance(result, Done) and position.attempt + 1 < result.output

    # Waiting

    def _sent(self, slot: Slot, wait: Wait, done: Done) -> Rest | None:
        position = self._ledger.position

        def limit() -> Done:
            ctx = self._caller.context(position, slot=slot, running=position.current)
            return Done(output=float(wait.seconds(ctx)))

        result = self._caller.attempt(Call(step=slot.step.name, function=limit))
        if isinstance(result, NovaError):
            return self._fail(slot, result)
        seconds = result.output if isinstance(result, Done) else 0.0
        self._ledger.mark(MarkKind.SENT, slot, done=done)
        pause = seconds if wait.resend_after is None else min(seconds, wait.resend_after)
        return self._sleep(WorkflowState.WAITING, pause, deadline_in=seconds)

    def _is_time_to_resend(self, wait: Wait) -> bool:
        due = _seconds(self._ledger.row.wake_at, self._ledger.now) <= 0.0
        return wait.resend_after is not None and due and self._left() > 0.0

    def _still_waiting(self, slot: Slot, running: Running, wait: Wait) -> Rest | None:
        """Look after a wait without an answer: it is too late, or it was woken too early."""
        ledger = self._ledger
        if self._left() > 0.0:
            pause = self._left()
            if wait.resend_after is not None:
                pause = _seconds(ledger.row.wake_at, ledger.now)
            return self._sleep(WorkflowState.WAITING, pause)
        handler = wait.on_deadline

        def too_late() -> Done | Nap | None:
            if handler is None:
                raise TimedOut(f"Step {slot.step.name} got no answer in time.")
            return handler(self._caller.context(ledger.position, slot=slot, running=running))

        result = self._caller.call(Call(step=slot.step.name, function=too_late))
        if isinstance(result, NovaError):
            unreachable = isinstance(result, Unavailable) and not isinstance(result, TimedOut)
            if unreachable and self._has_budget(slot.step):
                return self._again(slot, result, pause=self._pace.delay(ledger.row.tries + 1))
            return self._fail(slot, result)
        if isinstance(result, Nap):
            more = result.seconds
            return self._sleep(WorkflowState.WAITING, more, deadline_in=more)
        return self._done(slot, result)

    def _answered(self, slot: Slot, outcome: Outcome) -> Rest | None:
        if outcome.failure is not None:
            return self._fail(slot, outcome.failure.error())
        return self._done(slot, Done(output=outcome.output))

    def _pause(self, wait: Wait) -> float:
        left = max(0.0, self._left())
        return left if wait.resend_after is None else min(left, wait.resend_after)

    def _left(self) -> float:
        """Return the seconds until the deadline, as of the last look at the journal."""
        return _seconds(self._ledger.row.deadline, self._ledger.now)

    # Backward

    def _interrupted(self, reason: str) -> Rest | None:
        ledger = self._ledger
        current, slot = ledger.position.current, ledger.position.slot
        if ledger.row.inbox is not None and current is not None and slot is current.slot:
            outcome = decode(ledger.row.inbox, Outcome)
            if outcome.failure is None:
                self._answered(slot, outcome)
        self._log.info("An interrupt came: everything is undone")
        ledger.mark(MarkKind.INTERRUPTED, output=encode(Failure.of(Interrupted(reason))))
        ledger.write()
        return None

    def _undo(self, running: Running) -> Rest | None:
        ledger, step = self._ledger, running.slot.step
        undo = step.undo
        if undo is None:
            ledger.mark(MarkKind.UNDONE, running.slot, running=running)
            return None
        if ledger.has_marks:
            ledger.write()
            return None

        def backward() -> Done | Nap | None:
            return undo(self._caller.context(ledger.position, slot=running.slot, running=running))

        result = self._caller.call(Call(step=step.name, function=backward, undo=True))
        if isinstance(result, NovaError):
            return self._again(running.slot, result, pause=self._backward_delay(result))
        if isinstance(result, Nap):
            return self._sleep(WorkflowState.NAPPING, result.seconds)
        ledger.mark(MarkKind.UNDONE, running.slot, running=running, done=result)
        return None

    def _end(self, error: NovaError | None) -> Rest | None:
        ledger = self._ledger
        ending = None if error is None else self._workflow.ending(error)
        result: Done | Nap | NovaError = Done()
        if error is not None and ending is not None:
            if ledger.has_marks:
                ledger.write()
                return None
            handler = _bound(ending, self._caller.context(ledger.position), error)
            result = self._caller.call(Call(step="ending", function=handler))
        if isinstance(result, NovaError):
            return self._again(None, result, pause=self._backward_delay(result))
        if isinstance(result, Nap):
            return self._sleep(WorkflowState.NAPPING, result.seconds)
        final = encode(Outcome() if error is None else Outcome.failed(error))
        ledger.mark(MarkKind.FINISHED, output=final, done=result)
        ledger.write(outcome=final)
        self._log.info("Finished: %s", "done" if error is None else type(error).__name__)
        return Rest(kind=RestKind.FINISHED)

    def _backward_delay(self, error: NovaError) -> float:
        if isinstance(error, Unavailable):
            return self._pace.delay(self._ledger.row.tries + 1)
        return self._pace.slow

    def _refused(self, failed: ApplyFailed) -> Rest | None:
        """Go on after the state change of a mark was refused: its step has not succeeded."""
        ledger, mark = self._ledger, failed.mark
        ledger.forget(mark.n)
        if mark.kind is MarkKind.FINISHED:
            return self._again(None, failed.error, pause=self._backward_delay(failed.error))
        slot = next(slot for slot in self._workflow.slots if slot.step.name == mark.step)
        if mark.kind is MarkKind.UNDONE:
            return self._again(slot, failed.error, pause=self._backward_delay(failed.error))
        return self._hindered(slot, failed.error)

    # Resting

    def _again(self, slot: Slot | None, error: NovaError, *, pause: float) -> Rest:
        self._log.warning(
            "%s has to be repeated: %s", "The ending" if slot is None else slot.step.name, error
        )
        if not self._ledger.position.hindered:
            self._ledger.mark(MarkKind.HINDERED, slot, output=encode(Failure.of(error)))
        return self._sleep(WorkflowState.NAPPING, pause, trouble=error)

    def _sleep(
        self,
        state: WorkflowState,
        seconds: float,
        *,
        deadline_in: float | None = None,
        trouble: NovaError | None = None,
    ) -> Rest:
        seconds = max(0.0, seconds)
        self._ledger.write(
            sleep=Sleep(state=state, wake_in=seconds, deadline_in=deadline_in, trouble=trouble)
        )
        row = self._ledger.row
        if row.inbox is not None or row.interrupt is not None:
            return Rest(kind=RestKind.AGAIN)
        return Rest(kind=RestKind.ASLEEP, wake_in=seconds)


def _bound(
    ending: Callable[[StepContext, NovaError], Done | Nap | None],
    ctx: StepContext,
    error: NovaError,
) -> Callable[[], Done | Nap | None]:
    return lambda: ending(ctx, error)


def _seconds(later: dt.datetime | None, earlier: dt.datetime) -> float:
    return 0.0 if later is None else (later - earlier).total_seconds()
