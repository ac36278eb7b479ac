"""The three laws of durable workflows, for any workflow.

A `WorkflowCase` says how to set a stage for one workflow and how to look at the result:

- `completes_when_repeated`: every ``do`` may be called twice;
- `unwinds_from_every_step`: wherever it fails or is interrupted, nothing stays behind, even
  when every ``undo`` is called twice;
- `resumes_from_every_mark`: a process may die before and after each write to the journal and
  each call of a function, forward and backward, and another one brings the work to its end:
  also when the failure that was met does not come again, or an interrupt came meanwhile.

Time is a number here, and everything runs in the calling thread.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from nova_clone.domain.errors import ExternalFailure, Obsolete
from nova_clone.domain.identity import RequestContext, WorkflowId, service_context
from nova_clone.workflow.journal import (
    Commit,
    Committed,
    Journal,
    Lease,
    Loaded,
    MarkKind,
    WorkflowRow,
    WorkflowState,
    new_workflow,
)
from nova_clone.workflow.memory import MemoryJournal
from nova_clone.workflow.outcome import Outcome, decode
from nova_clone.workflow.saga import Pace
from nova_clone.workflow.step import (
    Do,
    Done,
    Nap,
    OnError,
    Retry,
    Step,
    StepContext,
    Workflow,
)
from nova_clone.workflow.worker import Worker, WorkerSettings

LEASE_SECONDS = 0.5
MAX_ROUNDS = 2000


class Crash(BaseException):
    """The process dies here."""


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def now(self) -> dt.datetime:
        return dt.datetime(2030, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        return self._seconds

    def advance(self, seconds: float) -> None:
        self._seconds += seconds

    def advance_to(self, moment: dt.datetime) -> None:
        self._seconds += max(0.0, (moment - self.now()).total_seconds())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pending:
    """A workflow that waits for an answer: what the other side has to put into it."""

    workflow_id: WorkflowId
    subject: str
    step: str
    epoch: int


def _memory_journal(world: Any, clock: Clock) -> Journal:
    return MemoryJournal(clock=clock.now)


def _begin(world: Any, journal: Any) -> contextlib.AbstractContextManager[Any]:
    return journal.begin()


def _silence(world: Any, pending: Pending) -> Outcome | None:
    return None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Interrupt:
    """One way to interrupt a workflow: what it says, and how the world looks once it stopped.

    ``leaves`` None means that the world is empty then.
    """

    reason: str = "enough"
    leaves: Callable[[Any], bool] | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class WorkflowCase:
    """A workflow and its stage.

    ``new_world`` makes the fakes; ``services`` picks what the steps get from it. ``journal``
    opens the journal on the given clock and may leave it in the world; ``begin`` opens a
    transaction on it. ``answer`` plays the other side of a wait (None: it stays silent until
    the deadline). ``is_complete`` and ``is_empty`` look at the world after success and after
    unwinding. ``also`` are further workflows that this one may start. It is interrupted in
    each of the ways of ``interrupts``; what no interrupt has a part in is played once for all.
    """

    name: str
    workflow: Workflow
    params: Any
    new_world: Callable[[], Any]
    services: Callable[[Any], Any]
    is_complete: Callable[[Any], bool]
    is_empty: Callable[[Any], bool]
    answer: Callable[[Any, Pending], Outcome | None] = _silence
    journal: Callable[[Any, Clock], Journal] = _memory_journal
    begin: Callable[[Any, Any], contextlib.AbstractContextManager[Any]] = _begin
    context: RequestContext = dataclasses.field(default_factory=service_context)
    subject: str = "subject-1"
    also: tuple[Workflow, ...] = ()
    interrupts: tuple[Interrupt, ...] = (Interrupt(),)


class Crashes:
    """Decides at which points the process dies, and counts the points."""

    def __init__(
        self, *, at: Collection[int] = (), everywhere: bool = False, armed: bool = True
    ) -> None:
        self.armed = armed
        self.happened = 0
        self._at = at
        self._everywhere = everywhere
        self._seen = 0
        self._labels: set[str] = set()

    def point(self, label: str) -> None:
        """Die here if this point is the one, or a new one if every point is."""
        if not self.armed:
            return
        self._seen += 1
        new = label not in self._labels
        self._labels.add(label)
        if (self._everywhere and new) or (self._seen - 1 in self._at):
            self.happened += 1
            raise Crash(label)


class CrashingJournal:
    """A journal whose writes are points where the process may die."""

    def __init__(self, inner: Journal, crashes: Crashes) -> None:
        self._inner = inner
        self._crashes = crashes

    def now(self) -> dt.datetime:
        return self._inner.now()

    def create(self, row: WorkflowRow, work: Any, *, lease: Lease | None = None) -> None:
        self._inner.create(row, work, lease=lease)

    def load(self, workflow_id: WorkflowId) -> Loaded | None:
        return self._inner.load(workflow_id)

    def live(self, subject: str, work: Any = None) -> WorkflowRow | None:
        return self._inner.live(subject, work)

    def hold(self, subjects: Collection[str], work: Any) -> Sequence[WorkflowRow]:
        return self._inner.hold(subjects, work)

    def lease(self, workflow_id: WorkflowId, lease: Lease) -> Loaded | None:
        with self._around("lease"):
            return self._inner.lease(workflow_id, lease)

    def lease_due(self, lease: Lease, *, limit: int) -> Sequence[WorkflowId]:
        return self._inner.lease_due(lease, limit=limit)

    def renew(self, ids: Collection[WorkflowId], lease: Lease) -> Collection[WorkflowId]:
        return self._inner.renew(ids, lease)

    def release(self, workflow_id: WorkflowId, owner: str) -> None:
        self._inner.release(workflow_id, owner)

    def commit(self, commit: Commit) -> Committed:
        marks = ",".join(f"{mark.n}:{mark.kind}" for mark in commit.marks)
        with self._around(f"commit {marks}"):
            return self._inner.commit(commit)

    def deliver(self, workflow_id: WorkflowId, **delivery: Any) -> WorkflowRow:
        with self._around(f"deliver {delivery['step']}"):
            return self._inner.deliver(workflow_id, **delivery)

    def interrupt(self, workflow_id: WorkflowId, reason: str, work: Any = None) -> bool:
        return self._inner.interrupt(workflow_id, reason, work)

    @contextlib.contextmanager
    def _around(self, label: str) -> Iterator[None]:
        self._crashes.point(f"before {label}")
        yield
        self._crashes.point(f"after {label}")


Wrap = Callable[[str, Do], Do]


def wrapped(workflow: Workflow, *, do: Wrap, undo: Wrap) -> Workflow:
    """Return the workflow with each function replaced by what the wraps make of it."""

    def step(old: Step) -> Step:
        back = None if old.undo is None else undo(old.name, old.undo)
        return dataclasses.replace(old, do=do(old.name, old.do), undo=back)

    def ending(old: OnError | None) -> OnError | None:
        if old is None:
            return None
        return lambda ctx, error: undo("ending", lambda ctx: old(ctx, error))(ctx)

    entries: list[Step | Retry] = []
    for entry in workflow.steps:
        if isinstance(entry, Retry):
            inner = tuple(step(one) for one in entry.steps)
            entries.append(dataclasses.replace(entry, steps=inner))
        else:
            entries.append(step(entry))
    return Workflow(
        kind=workflow.kind,
        params_type=workflow.params_type,
        steps=tuple(entries),
        on_failure=ending(workflow.on_failure),
        on_interrupt=ending(workflow.on_interrupt),
    )


def unchanged(name: str, function: Do) -> Do:
    return function


def twice(name: str, function: Do) -> Do:
    """Call a function a second time, as if the first call had been forgotten."""

    def again(ctx: StepContext) -> Done | Nap | None:
        function(ctx)
        return function(ctx)

    return again


class Play:
    """One performance of a case: a world, a journal, and workers that may die."""

    def __init__(
        self, case: WorkflowCase, workflow: Workflow, *, crashes: Crashes | None = None
    ) -> None:
        self.case = case
        self.clock = Clock()
        self.crashes = crashes or Crashes(armed=False)
        self.world = case.new_world()
        inner = case.journal(self.world, self.clock)
        self.journal = CrashingJournal(inner, self.crashes)
        self.answer = case.answer
        self.after_crash: Callable[[], object] = lambda: None
        self._workflow = self._with_points(workflow)
        self._workers = 0
        self.worker = self._new_worker()
        row = new_workflow(workflow, subject=case.subject, params=case.params, context=case.context)
        self.id = row.id
        with case.begin(self.world, inner) as work:
            self.journal.create(row, work)

    def run(self) -> Loaded:
        """Play to the end, with a fresh worker after each death, and return what is left."""
        self.worker.submit(self.id)
        for _ in range(MAX_ROUNDS):
            try:
                self.worker.run_pending()
                live = self._live()
                if live is None:
                    return self.loaded()
                self._move_on(live)
            except Crash:
                self.worker = self._new_worker()
                self.after_crash()
        raise AssertionError(f"{self.case.name} does not end: {self.loaded()}")

    def loaded(self) -> Loaded:
        loaded = self.journal.load(self.id)
        assert loaded is not None
        return loaded

    def outcome(self) -> Outcome:
        text = self.loaded().row.outcome
        assert text is not None
        return decode(text, Outcome)

    def _live(self) -> WorkflowRow | None:
        row = self.loaded().row
        return row if row.finished_at is None else self.journal.live(self.case.subject)

    def _move_on(self, row: WorkflowRow) -> None:
        if row.state is WorkflowState.WAITING and row.waiting_for and row.inbox is None:
            pending = Pending(
                workflow_id=row.id, subject=row.subject, step=row.waiting_for, epoch=row.epoch
            )
            outcome = self.answer(self.world, pending)
            if outcome is not None:
                self._deliver(pending, outcome)
                return
        moments = [moment for moment in (row.wake_at, row.lease_until) if moment is not None]
        later = [moment for moment in moments if moment > self.clock.now()]
        if later:
            self.clock.advance_to(min(later))
        else:
            self.clock.advance(LEASE_SECONDS)

    def _deliver(self, pending: Pending, outcome: Outcome) -> None:
        with contextlib.suppress(Obsolete):
            self.worker.resume(
                pending.workflow_id, epoch=pending.epoch, step=pending.step, outcome=outcome
            )

    def _new_worker(self) -> Worker:
        self._workers += 1
        settings = WorkerSettings(
            threads=2,
            lease_seconds=LEASE_SECONDS,
            sweep_seconds=1.0,
            pace=Pace(first=0.1, longest=1.0, slow=2.0),
            monotonic=self.clock.monotonic,
        )
        return Worker(
            self.journal,
            (self._workflow, *self.case.also),
            self.case.services(self.world),
            owner=f"worker-{self._workers}",
            settings=settings,
        )

    def _with_points(self, workflow: Workflow) -> Workflow:
        def points(way: str) -> Wrap:
            def wrap(name: str, function: Do) -> Do:
                def call(ctx: StepContext) -> Done | Nap | None:
                    self.crashes.point(f"before {way} {name} {ctx.attempt}")
                    result = function(ctx)
                    self.crashes.point(f"after {way} {name} {ctx.attempt}")
                    return result

                return call

            return wrap

        return wrapped(workflow, do=points("do"), undo=points("undo"))


def step_names(case: WorkflowCase) -> list[str]:
    return [slot.step.name for slot in case.workflow.slots]


def waiting_names(case: WorkflowCase) -> list[str]:
    return [slot.step.name for slot in case.workflow.slots if slot.step.wait is not None]


def _assert_complete(play: Play, how: str) -> None:
    loaded = play.run()
    failure = play.outcome().failure
    assert failure is None, f"{how}: {failure}"
    assert play.case.is_complete(play.world), f"{how}: not complete: {loaded.marks}"


def _assert_unwound(play: Play, how: str) -> None:
    loaded = play.run()
    assert play.outcome().failure is not None, f"{how}: did not fail"
    assert play.case.is_empty(play.world), f"{how}: something is left: {loaded.marks}"


def completes_when_repeated(case: WorkflowCase) -> None:
    """Assert that the workflow completes although every ``do`` is called twice."""
    plain = Play(case, case.workflow)
    _assert_complete(plain, "played plainly")
    repeated = Play(case, wrapped(case.workflow, do=twice, undo=twice))
    _assert_complete(repeated, "played twice")


def _failing(step: str, *, afterwards: bool) -> Wrap:
    def wrap(name: str, function: Do) -> Do:
        def fail(ctx: StepContext) -> Done | Nap | None:
            if afterwards:
                function(ctx)
            raise ExternalFailure(f"Step {name} was told to fail.")

        return fail if name == step else function

    return wrap


def unwinds_from_every_step(case: WorkflowCase) -> None:
    """Assert that nothing is left after a failure or an interrupt at any step."""
    for name in step_names(case):
        for afterwards in (False, True):
            do = _failing(name, afterwards=afterwards)
            play = Play(case, wrapped(case.workflow, do=do, undo=twice))
            _assert_unwound(play, f"{name} fails, afterwards={afterwards}")
        for interrupt in case.interrupts:
            _interrupts_after(case, name, interrupt)
    for name in waiting_names(case):
        for outcome in (Outcome.failed(ExternalFailure()), None):
            play = Play(case, wrapped(case.workflow, do=unchanged, undo=twice))
            play.answer = _answering(case, name, outcome)
            _assert_unwound(play, f"{name} is answered with {outcome}")


def _answering(
    case: WorkflowCase, name: str, outcome: Outcome | None
) -> Callable[[Any, Pending], Outcome | None]:
    def answer(world: Any, pending: Pending) -> Outcome | None:
        return outcome if pending.step == name else case.answer(world, pending)

    return answer


def _interrupts_after(case: WorkflowCase, step: str, interrupt: Interrupt) -> None:
    def wrap(name: str, function: Do) -> Do:
        def interrupted(ctx: StepContext) -> Done | Nap | None:
            result = function(ctx)
            play.journal.interrupt(ctx.workflow_id, interrupt.reason)
            return result

        return interrupted if name == step else function

    play = Play(case, wrapped(case.workflow, do=wrap, undo=twice))
    play.run()
    failure = play.outcome().failure
    how = f"interrupted in {step} with {interrupt.reason!r}"
    assert failure is not None, f"{how}: did not stop"
    assert failure.name == "Interrupted", f"{how}: {failure}"
    looks_right = interrupt.leaves or case.is_empty
    assert looks_right(play.world), f"{how}: {play.loaded().marks}"


def resumes_from_every_mark(case: WorkflowCase) -> None:
    """Assert that a death at any point, or at all of them, changes nothing in the end."""
    _at_every_point(case, case.workflow, check=_assert_complete)
    for interrupt in case.interrupts:
        _at_every_point(case, case.workflow, check=_stopped_by(interrupt))
    for name in step_names(case):
        _at_every_point(case, _failing_once(case, name), check=_assert_consistent)
    last = step_names(case)[-1]
    failing = wrapped(case.workflow, do=_failing(last, afterwards=True), undo=unchanged)
    _at_every_point(case, failing, check=_assert_unwound)
    for name in waiting_names(case):
        answer = _answering(case, name, Outcome.failed(ExternalFailure()))
        changed = dataclasses.replace(case, answer=answer)
        _at_every_point(changed, case.workflow, check=_assert_unwound)


def _assert_consistent(play: Play, how: str) -> None:
    loaded = play.run()
    failure = play.outcome().failure
    looks_right = play.case.is_complete if failure is None else play.case.is_empty
    assert looks_right(play.world), f"{how}: neither whole nor gone: {loaded.marks}"


def _stopped_by(interrupt: Interrupt) -> Callable[[Play, str], None]:
    def check(play: Play, how: str) -> None:
        def stop() -> None:
            if play.crashes.happened == 1:
                play.journal.interrupt(play.id, interrupt.reason)

        play.after_crash = stop
        loaded = play.run()
        failure = play.outcome().failure
        looks_right = play.case.is_complete
        if failure is not None:
            looks_right = interrupt.leaves or play.case.is_empty
        told = f"{how}, then {interrupt.reason!r}: neither whole nor gone: {loaded.marks}"
        assert looks_right(play.world), told

    return check


def _failing_once(case: WorkflowCase, step: str) -> Callable[[], Workflow]:
    def fresh() -> Workflow:
        calls: list[str] = []

        def wrap(name: str, function: Do) -> Do:
            def fail(ctx: StepContext) -> Done | Nap | None:
                calls.append(name)
                if len(calls) == 1:
                    raise ExternalFailure(f"Step {name} was told to fail once.")
                return function(ctx)

            return fail if name == step else function

        return wrapped(case.workflow, do=wrap, undo=unchanged)

    return fresh


def _at_every_point(
    case: WorkflowCase,
    workflow: Workflow | Callable[[], Workflow],
    *,
    check: Callable[[Play, str], None],
) -> None:
    """Play with a death at each point in turn, then with one at every point."""

    def fresh() -> Workflow:
        return workflow if isinstance(workflow, Workflow) else workflow()

    at = 0
    while True:
        crashes = Crashes(at={at})
        check(Play(case, fresh(), crashes=crashes), f"dies at point {at}")
        if not crashes.happened:
            break
        at += 1
    assert at > 2
    everywhere = Crashes(everywhere=True)
    check(Play(case, fresh(), crashes=everywhere), "dies at every point")
    assert everywhere.happened > 1


def marks_of(play: Play) -> list[tuple[str, MarkKind]]:
    return [(mark.step, mark.kind) for mark in play.loaded().marks]
