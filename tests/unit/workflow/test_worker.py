from __future__ import annotations

import queue
import threading
from collections.abc import Collection, Sequence
from typing import Any

import pytest

from nova_clone.domain.errors import Unavailable
from nova_clone.domain.identity import WorkflowId, new_uuid
from nova_clone.workflow.journal import Commit, Committed, Lease, LeaseLost
from nova_clone.workflow.memory import MemoryJournal
from nova_clone.workflow.outcome import Outcome
from nova_clone.workflow.step import Nap, StepContext, Wait
from nova_clone.workflow.worker import Worker, WorkerSettings
from tests.unit.workflow.stage import Stage, Story, a_workflow


@pytest.fixture
def story() -> Story:
    return Story()


class Flaky:
    """A journal that cannot be written for a while."""

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal
        self.failures = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    def commit(self, commit: Commit) -> Committed:
        self._fail()
        return self._journal.commit(commit)

    def lease_due(self, lease: Lease, *, limit: int) -> Sequence[WorkflowId]:
        self._fail()
        return self._journal.lease_due(lease, limit=limit)

    def renew(self, ids: Collection[WorkflowId], lease: Lease) -> Collection[WorkflowId]:
        self._fail()
        return self._journal.renew(ids, lease)

    def release(self, workflow_id: WorkflowId, owner: str) -> None:
        self._fail()
        self._journal.release(workflow_id, owner)

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise Unavailable("The database is away.")


class TestSharing:
    def test_a_dead_workers_work_is_taken_over_when_its_lease_ends(self, story: Story) -> None:
        stage = Stage(a_workflow(story.step("one")))
        workflow_id = stage.create(leased=True)
        bob = stage.a_worker("bob")
        bob.run_pending()
        stage.clock.advance(14.9)
        bob.run_pending()
        assert story.lines == []
        stage.clock.advance(0.1)
        bob.run_pending()
        assert story.lines == ["one"]
        assert stage.failure(workflow_id) is None

    def test_who_has_lost_the_lease_writes_nothing_more(self, story: Story) -> None:
        def be_slow(ctx: StepContext) -> None:
            if story.lines == ["one"]:
                stage.clock.advance(15)
                stage.a_worker("bob").run_pending()

        stage = Stage(a_workflow(story.step("one", be_slow), story.step("two")))
        workflow_id = stage.begin()
        assert story.lines == ["one", "one", "two"]
        assert stage.failure(workflow_id) is None
        assert [mark.n for mark in stage.loaded(workflow_id).marks] == [0, 1, 2, 3, 4]

    def test_a_renewed_lease_lasts(self, story: Story) -> None:
        def be_slow(ctx: StepContext) -> None:
            for _ in range(4):
                stage.clock.advance(10)
                stage.worker.renew_leases()
                stage.a_worker("bob").run_pending()

        stage = Stage(a_workflow(story.step("one", be_slow), story.step("two")))
        stage.begin()
        assert story.lines == ["one", "two"]

    def test_a_renewal_that_fails_stops_the_work_between_steps(self, story: Story) -> None:
        def lose(ctx: StepContext) -> None:
            stage.clock.advance(15)
            stage.journal.lease(ctx.workflow_id, stage.a_worker("bob").lease)
            stage.worker.renew_leases()

        stage = Stage(a_workflow(story.step("one", lose, pure=True), story.step("two", pure=True)))
        workflow_id = stage.begin()
        assert story.lines == ["one"]
        assert stage.row(workflow_id).leased_by == "bob"

    def test_an_answer_may_come_to_any_process(self, story: Story) -> None:
        stage = Stage(
            a_workflow(story.step("one", wait=Wait(deadline_seconds=99)), story.step("two"))
        )
        workflow_id = stage.begin()
        bob = stage.a_worker("bob")
        bob.resume(workflow_id, epoch=1, step="one", outcome=Outcome())
        stage.worker.run_pending()
        assert story.lines == ["one"]
        bob.run_pending()
        assert story.lines == ["one", "two"]

    def test_an_answer_that_nobody_can_run_now_is_left_to_the_sweep(self, story: Story) -> None:
        stage = Stage(
            a_workflow(story.step("one", wait=Wait(deadline_seconds=99)), story.step("two"))
        )
        workflow_id = stage.begin()
        full = stage.a_worker("bob", queue_limit=0)
        full.resume(workflow_id, epoch=1, step="one", outcome=Outcome())
        assert stage.row(workflow_id).leased_by is None
        stage.worker.run_pending()
        assert stage.failure(workflow_id) is None


class TestTrouble:
    def test_a_journal_that_is_away_only_delays(self, story: Story) -> None:
        stage = Stage(a_workflow(story.step("one"), story.step("two")))
        flaky = Flaky(stage.journal)
        stage.worker = stage.a_worker("ann", journal=flaky)
        flaky.failures = 2
        workflow_id = stage.begin()
        assert stage.outcome(workflow_id) is None
        stage.wait(1)
        stage.wait(2)
        assert stage.failure(workflow_id) is None

    @pytest.mark.parametrize("error", [Unavailable(), LeaseLost()])
    def test_a_commit_whose_acknowledgement_is_lost_stands(
        self, story: Story, error: Exception
    ) -> None:
        class Deaf(Flaky):
            def commit(self, commit: Commit) -> Committed:
                committed = self._journal.commit(commit)
                if self.failures:
                    self.failures -= 1
                    raise error
                return committed

        def cut(ctx: StepContext) -> None:
            deaf.failures = 1

        stage = Stage(a_workflow(story.step("one", cut), story.step("two")))
        deaf = Deaf(stage.journal)
        stage.worker = stage.a_worker("ann", journal=deaf)
        workflow_id = stage.begin()
        if isinstance(error, Unavailable):
            stage.wait(1)
        assert stage.failure(workflow_id) is None
        assert story.lines == ["one", "two"]

    def test_a_sweep_that_fails_is_made_again(self, story: Story) -> None:
        stage = Stage(a_workflow(story.step("one")))
        flaky = Flaky(stage.journal)
        stage.worker = stage.a_worker("ann", journal=flaky)
        workflow_id = stage.create()
        flaky.failures = 1
        stage.worker.run_pending()
        assert stage.outcome(workflow_id) is None
        stage.worker.run_pending()
        assert stage.failure(workflow_id) is None

    def test_a_renewal_that_cannot_be_made_does_not_stop_the_work(self, story: Story) -> None:
        def renew(ctx: StepContext) -> None:
            flaky.failures = 1
            stage.worker.renew_leases()

        stage = Stage(a_workflow(story.step("one", renew), story.step("two")))
        flaky = Flaky(stage.journal)
        stage.worker = stage.a_worker("ann", journal=flaky)
        workflow_id = stage.begin()
        assert stage.failure(workflow_id) is None

    def test_stopping_does_not_need_the_journal(self, story: Story) -> None:
        stage = Stage(a_workflow(story.step("one")))
        flaky = Flaky(stage.journal)
        worker = stage.a_worker("ann", journal=flaky)
        worker.submit(stage.create(leased=True))
        flaky.failures = 1
        assert worker.stop()

    def test_a_renewal_with_nothing_to_renew_asks_nobody(self, story: Story) -> None:
        stage = Stage(a_workflow(story.step("one")))
        flaky = Flaky(stage.journal)
        flaky.failures = 1
        stage.a_worker("ann", journal=flaky).renew_leases()
        assert flaky.failures == 1

    def test_a_step_may_be_repeated_when_its_mark_was_not_written(self, story: Story) -> None:
        def cut(ctx: StepContext) -> None:
            if len(story.lines) == 1:
                flaky.failures = 1

        stage = Stage(a_workflow(story.step("one", cut), story.step("two")))
        flaky = Flaky(stage.journal)
        stage.worker = stage.a_worker("ann", journal=flaky)
        workflow_id = stage.begin()
        stage.wait(1)
        assert story.lines == ["one", "one", "two"]
        assert stage.failure(workflow_id) is None

    def test_an_unknown_kind_stays_for_somebody_who_knows_it(self, story: Story) -> None:
        stage = Stage(a_workflow(story.step("one")))
        newer = a_workflow(story.step("new"), kind="newer")
        workflow_id = stage.create(workflow=newer)
        stage.worker.submit(workflow_id)
        stage.worker.run_pending()
        stage.clock.advance(15)
        stage.workflows = (newer,)
        stage.a_worker("bob").run_pending()
        assert stage.failure(workflow_id) is None

    def test_observers_hear_of_every_call(self, story: Story) -> None:
        naps = [Nap(1)]
        stage = Stage(
            a_workflow(
                story.step("one"),
                story.step("two", lambda ctx: naps.pop() if naps else None),
                story.step("three", lambda ctx: {}["x"]),
                on_failure=story.ending("failed"),
            )
        )
        stage.begin()
        stage.wait(1)
        assert stage.sight.seen == [
            ("one", "done"),
            ("two", "nap"),
            ("two", "done"),
            ("three", "NovaError"),
            *((name, "undo-done") for name in ("three", "two", "one")),
            ("ending", "done"),
        ]


class TestStopping:
    def test_what_is_queued_is_given_back(self, story: Story) -> None:
        stage = Stage(a_workflow(story.step("one")))
        workflow_id = stage.create(leased=True)
        stage.worker.submit(workflow_id)
        assert stage.worker.stop()
        assert not stage.worker.submit(workflow_id)
        stage.a_worker("bob").run_pending()
        assert stage.failure(workflow_id) is None

    def test_what_runs_is_given_back_between_steps(self, story: Story) -> None:
        stage = Stage(
            a_workflow(
                story.step("one", lambda ctx: stage.worker.stop() and None), story.step("two")
            )
        )
        workflow_id = stage.begin()
        assert story.lines == ["one"]
        stage.a_worker("bob").run_pending()
        assert story.lines == ["one", "two"]
        assert stage.failure(workflow_id) is None


class TestThreads:
    """These run on the real clock; they wait for events and never for time."""

    def a_worker(self, journal: MemoryJournal, *workflows: Any, **settings: Any) -> Worker:
        defaults: dict[str, Any] = {"threads": 4, "sweep_seconds": 0.01}
        return Worker(
            journal,
            workflows,
            None,
            owner=new_uuid(),
            settings=WorkerSettings(**{**defaults, **settings}),
        )

    def test_two_workers_share_the_work_and_do_it_once(self) -> None:
        running: set[str] = set()
        guard = threading.Lock()
        calls: list[str] = []
        asked: queue.Queue[WorkflowId] = queue.Queue()
        finished = threading.Semaphore(0)

        def alone(ctx: StepContext) -> None:
            with guard:
                assert ctx.subject not in running
                running.add(ctx.subject)
            with guard:
                running.discard(ctx.subject)
                calls.append(ctx.subject)

        def ask(ctx: StepContext) -> None:
            asked.put(ctx.workflow_id)

        def last(ctx: StepContext) -> None:
            finished.release()

        story = Story()
        workflow = a_workflow(
            story.step("one", alone),
            story.step("build", ask, wait=Wait(deadline_seconds=60)),
            story.step("two", alone),
            story.step("last", last),
        )
        stage = Stage(workflow)
        journal = MemoryJournal()
        stage.journal = journal
        workers = [self.a_worker(journal, workflow) for _ in range(2)]
        for worker in workers:
            worker.start()
        ids = [stage.create(subject=f"server-{n}") for n in range(20)]
        for workflow_id in ids:
            for worker in workers:
                worker.submit(workflow_id)
        for n in range(len(ids)):
            workflow_id = asked.get(timeout=30)
            worker = workers[n % 2]
            worker.resume(workflow_id, epoch=1, step="build", outcome=Outcome())
        for _ in ids:
            assert finished.acquire(timeout=30)
        for worker in workers:
            assert worker.stop(30)
        assert sorted(calls) == sorted([f"server-{n}" for n in range(20)] * 2)

    def test_a_nap_and_the_sweep_need_nobody_to_call(self) -> None:
        finished = threading.Event()
        naps = [Nap(0.01)]
        story = Story()
        workflow = a_workflow(
            story.step("one", lambda ctx: naps.pop() if naps else None),
            story.step("two", lambda ctx: finished.set()),
        )
        stage = Stage(workflow)
        stage.journal = MemoryJournal()
        worker = self.a_worker(stage.journal, workflow)
        worker.start()
        stage.create()
        assert finished.wait(30)
        assert worker.stop(30)

    def test_a_backlog_is_swept_batch_by_batch(self) -> None:
        finished = threading.Semaphore(0)
        story = Story()
        workflow = a_workflow(story.step("one", lambda ctx: finished.release()))
        stage = Stage(workflow)
        stage.journal = MemoryJournal()
        for n in range(30):
            stage.create(subject=f"server-{n}")
        worker = self.a_worker(stage.journal, workflow, threads=1, sweep_seconds=1000.0)
        worker.start()
        for _ in range(30):
            assert finished.acquire(timeout=30)
        assert worker.stop(30)
