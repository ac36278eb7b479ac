from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from nova_clone.compute.operations import (
    Kind,
    Ledger,
    Limits,
    Operation,
    Operations,
    Progress,
    Verdict,
)
from nova_clone.contracts.compute import Ticket
from nova_clone.contracts.hosts import StepFinished
from nova_clone.domain.errors import Interrupted, NovaError

from .scene import a_ticket


class Results:
    """Collects results and lets a test wait for them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.seen: list[StepFinished] = []

    def __call__(self, result: StepFinished) -> None:
        with self._changed:
            self.seen.append(result)
            self._changed.notify_all()

    def wait(self, count: int) -> list[StepFinished]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.seen) >= count, timeout=60)
            return list(self.seen)


class Job:
    """Work that a test can hold and look at."""

    def __init__(self, ticket: Ticket, server_id: str = "s1", kind: Kind = Kind.BUILD) -> None:
        self.started = threading.Event()
        self.go = threading.Event()
        self.runs = 0
        self.operation = Operation(
            ticket=ticket, server_id=server_id, kind=kind, run=self._run, refuse=self._refuse
        )

    def _run(self, progress: Progress) -> StepFinished:
        self.runs += 1
        self.started.set()
        self.go.wait(10)
        try:
            progress.checkpoint()
        except Interrupted as error:
            return self._refuse(error)
        return StepFinished(
            ticket=self.operation.ticket, host="h", server_id=self.operation.server_id
        )

    def _refuse(self, error: NovaError) -> StepFinished:
        return StepFinished(
            ticket=self.operation.ticket,
            host="h",
            server_id=self.operation.server_id,
            error=type(error).__name__,
        )

    def at_once(self) -> Job:
        self.go.set()
        return self


@pytest.fixture
def results() -> Results:
    return Results()


@pytest.fixture
def make(results: Results) -> Iterator[Callable[..., Operations]]:
    made: list[Operations] = []

    def build(**limits: int) -> Operations:
        made.append(Operations(results, Limits(**limits)))
        return made[-1]

    yield build
    for operations in made:
        operations.close(0)


def test_runs_and_reports(make: Callable[..., Operations], results: Results) -> None:
    job = Job(a_ticket()).at_once()
    assert make().submit(job.operation) is Verdict.FRESH
    [result] = results.wait(1)
    assert (result.ticket, result.error) == (a_ticket(), None)


def test_one_server_at_a_time(make: Callable[..., Operations], results: Results) -> None:
    operations = make()
    first, second = Job(a_ticket(1)), Job(a_ticket(1, "stop", "w2"), kind=Kind.POWER).at_once()
    other = Job(a_ticket(1, workflow="w3"), "s2").at_once()
    operations.submit(first.operation)
    assert first.started.wait(60)
    operations.submit(second.operation)
    operations.submit(other.operation)
    assert other.started.wait(60)
    assert not second.started.is_set()
    assert operations.busy("s1")
    first.go.set()
    results.wait(3)
    assert second.runs == 1
    assert operations.wait_idle(60)
    assert not operations.busy("s1")


def test_builds_are_bounded_and_do_not_hold_up_others(
    make: Callable[..., Operations], results: Results
) -> None:
    operations = make(builds=1, others=1)
    first, second = Job(a_ticket(workflow="a"), "s1"), Job(a_ticket(workflow="b"), "s2").at_once()
    stop = Job(a_ticket(workflow="c"), "s3", Kind.POWER).at_once()
    for job in (first, second, stop):
        operations.submit(job.operation)
    assert stop.started.wait(60)
    results.wait(1)
    assert not second.started.is_set()
    first.go.set()
    results.wait(3)
    assert second.runs == 1


def test_a_repeated_ticket_is_done_once_and_answered_again(
    make: Callable[..., Operations], results: Results
) -> None:
    operations = make()
    job = Job(a_ticket())
    operations.submit(job.operation)
    assert job.started.wait(60)
    assert operations.submit(Job(a_ticket()).operation) is Verdict.REPEATED
    assert results.seen == []
    job.go.set()
    results.wait(1)
    assert operations.submit(Job(a_ticket()).operation) is Verdict.REPEATED
    assert results.wait(2)[0] == results.seen[1]
    assert job.runs == 1


def test_a_late_ticket_is_dropped(make: Callable[..., Operations], results: Results) -> None:
    operations = make()
    operations.submit(Job(a_ticket(5)).at_once().operation)
    results.wait(1)
    late = Job(a_ticket(4)).at_once()
    assert operations.submit(late.operation) is Verdict.LATE
    assert late.runs == 0


def test_a_removal_interrupts_a_build(make: Callable[..., Operations], results: Results) -> None:
    operations = make()
    build = Job(a_ticket())
    waiting = Job(a_ticket(workflow="w0"), kind=Kind.POWER)
    removal = Job(a_ticket(step="destroy", workflow="w2"), kind=Kind.DESTROY).at_once()
    operations.submit(build.operation)
    assert build.started.wait(60)
    operations.submit(waiting.operation)
    operations.submit(removal.operation)
    [dropped] = results.wait(1)
    assert (dropped.ticket, dropped.error) == (waiting.operation.ticket, "Interrupted")
    assert not removal.started.is_set()
    build.go.set()
    by_ticket = {result.ticket: result.error for result in results.wait(3)}
    assert by_ticket[a_ticket()] == "Interrupted"
    assert by_ticket[removal.operation.ticket] is None
    assert waiting.runs == 0


def test_a_removal_is_not_interrupted_by_another(
    make: Callable[..., Operations], results: Results
) -> None:
    operations = make()
    jobs = [Job(a_ticket(workflow=w), kind=Kind.DESTROY).at_once() for w in ("w1", "w2")]
    for job in jobs:
        operations.submit(job.operation)
    assert [result.error for result in results.wait(2)] == [None, None]


def test_a_build_that_comes_after_its_own_removal_is_dropped(
    make: Callable[..., Operations], results: Results
) -> None:
    operations = make()
    operations.submit(Job(a_ticket(2, "cleanup"), kind=Kind.DESTROY).at_once().operation)
    results.wait(1)
    assert operations.submit(Job(a_ticket(2)).operation) is Verdict.LATE
    assert operations.submit(Job(a_ticket(3)).at_once().operation) is Verdict.FRESH


def test_too_much_work_is_refused_but_never_a_removal(
    make: Callable[..., Operations], results: Results
) -> None:
    operations = make(builds=1, others=1, waiting=1)
    held = [Job(a_ticket(workflow=f"w{n}"), f"s{n}") for n in range(2)]
    for job in held:
        operations.submit(job.operation)
    operations.submit(Job(a_ticket(workflow="w3"), "s3").operation)
    operations.submit(Job(a_ticket(workflow="w4"), "s4", Kind.POWER).operation)
    assert {result.error for result in results.wait(2)} == {"TryElsewhere", "Unavailable"}
    removal = Job(a_ticket(workflow="w5"), "s5", Kind.DESTROY).at_once()
    operations.submit(removal.operation)
    assert removal.started.wait(60)
    for job in held:
        job.go.set()


def test_an_error_that_escapes_does_not_stop_the_lane(
    make: Callable[..., Operations], results: Results
) -> None:
    def run(progress: Progress) -> StepFinished:
        raise KeyError("secret")

    operations = make()
    bad = Job(a_ticket())
    operations.submit(
        Operation(
            ticket=a_ticket(),
            server_id="s1",
            kind=Kind.BUILD,
            run=run,
            refuse=bad.operation.refuse,
        )
    )
    operations.submit(Job(a_ticket(2)).at_once().operation)
    assert [result.error for result in results.wait(2)] == ["NovaError", None]


def test_answers_a_ticket_that_was_never_seen_and_no_other(
    make: Callable[..., Operations], results: Results
) -> None:
    operations = make()
    seen = Job(a_ticket(1, workflow="seen")).at_once()
    operations.submit(seen.operation)
    results.wait(1)
    for workflow in ("seen", "lost"):
        operations.answer(
            StepFinished(
                ticket=a_ticket(workflow=workflow), host="h", server_id="s1", error="TryElsewhere"
            ),
            Kind.POWER,
        )
    assert [result.error for result in results.wait(2)] == [None, "TryElsewhere"]
    late = Job(a_ticket(workflow="lost"))
    assert operations.submit(late.operation) is Verdict.REPEATED


def test_takes_nothing_once_it_is_closed(make: Callable[..., Operations], results: Results) -> None:
    operations = make()
    assert operations.close(1)
    job = Job(a_ticket()).at_once()
    operations.submit(job.operation)
    assert job.runs == 0


def test_a_close_that_lasts_too_long_says_so(make: Callable[..., Operations]) -> None:
    operations = make()
    job = Job(a_ticket())
    operations.submit(job.operation)
    assert job.started.wait(60)
    assert operations.close(0) is False
    job.go.set()


def test_a_pause_ends_with_an_interruption() -> None:
    progress = Progress()
    progress.pause(0)
    progress.interrupt()
    with pytest.raises(Interrupted):
        progress.pause(60)


def test_the_ledger_forgets_the_oldest() -> None:
    ledger = Ledger(limit=2)
    for workflow in ("a", "b", "c"):
        ledger.judge(a_ticket(workflow=workflow), "s1", Kind.BUILD)
    assert ledger.judge(a_ticket(workflow="c"), "s1", Kind.BUILD) is Verdict.REPEATED
    assert ledger.judge(a_ticket(workflow="a"), "s1", Kind.BUILD) is Verdict.FRESH
    assert ledger.result(a_ticket(workflow="b"), "s1") is None


def test_a_build_that_comes_after_the_final_removal_is_late() -> None:
    ledger = Ledger()
    ledger.removed("s1")
    assert ledger.judge(a_ticket(workflow="a"), "s1", Kind.BUILD) is Verdict.LATE
    assert ledger.judge(a_ticket(workflow="b"), "s2", Kind.BUILD) is Verdict.FRESH
