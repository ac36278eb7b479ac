from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_clone.domain.errors import (
    ExternalFailure,
    Invalid,
    Obsolete,
    TryElsewhere,
    Unavailable,
)
from nova_clone.domain.identity import service_context
from nova_clone.workflow.journal import WorkflowState, new_workflow
from nova_clone.workflow.outcome import Outcome
from nova_clone.workflow.step import Done, Nap, Result, Retry, Step, StepContext, Wait, Workflow
from tests.unit.workflow.stage import Params, Stage, Story, a_workflow, put


@pytest.fixture
def story() -> Story:
    return Story()


def building(story: Story, do: Any = None, **wait: Any) -> Workflow:
    return a_workflow(
        story.step("claim"),
        story.step("build", do, wait=Wait(**{"deadline_seconds": 100.0, **wait})),
        story.step("activate", lambda ctx: put("built", ctx.outputs.get("build")), pure=True),
        on_failure=story.ending("failed"),
        on_interrupt=story.ending("interrupted"),
    )


class TestAnswers:
    def test_a_waiting_workflow_holds_nothing(self, story: Story) -> None:
        stage = Stage(building(story))
        row = stage.row(stage.begin())
        assert row.state is WorkflowState.WAITING
        assert (row.leased_by, row.waiting_for, row.epoch) == (None, "build", 1)
        assert row.deadline == row.wake_at
        assert story.lines == ["claim", "build"]

    def test_the_outcome_is_the_output_of_the_step(self, story: Story) -> None:
        stage = Stage(building(story))
        workflow_id = stage.begin()
        stage.answer(workflow_id, Outcome(output={"port": 5900}))
        assert stage.failure(workflow_id) is None
        assert stage.journal.tables == {"built": {"port": 5900}}

    def test_an_error_as_the_outcome_unwinds(self, story: Story) -> None:
        stage = Stage(building(story))
        workflow_id = stage.begin()
        stage.answer(workflow_id, Outcome.failed(ExternalFailure("Disk full.")))
        assert stage.failure(workflow_id) == "ExternalFailure"
        assert story.lines[2:] == ["-build", "-claim", "failed: ExternalFailure"]

    def test_an_outcome_of_the_wrong_shape_fails_the_step(self, story: Story) -> None:
        stage = Stage(
            a_workflow(story.step("build", wait=Wait(deadline_seconds=9.0), output=Params))
        )
        workflow_id = stage.begin()
        stage.answer(workflow_id, Outcome(output=["no"]))
        assert stage.failure(workflow_id) == "NovaError"

    def test_an_outcome_before_the_sleep_is_not_lost(self, story: Story) -> None:
        def answer_at_once(ctx: StepContext) -> None:
            stage.worker.resume(
                ctx.workflow_id, epoch=ctx.epoch, step="build", outcome=Outcome(output=1)
            )

        stage = Stage(building(story, answer_at_once))
        workflow_id = stage.begin()
        assert stage.failure(workflow_id) is None
        assert stage.journal.tables == {"built": 1}
        assert story.lines == ["claim", "build", "activate"]

    def test_an_outcome_that_came_before_a_death_spares_the_repetition(self, story: Story) -> None:
        class Death(BaseException):
            pass

        def answer_and_die(ctx: StepContext) -> None:
            stage.journal.deliver(ctx.workflow_id, epoch=1, step="build", outcome=Outcome())
            raise Death

        stage = Stage(building(story, answer_and_die))
        workflow_id = stage.create()
        stage.worker.submit(workflow_id)
        with pytest.raises(Death):
            stage.worker.run_pending()
        stage.clock.advance(15)
        stage.a_worker("bob").run_pending()
        assert stage.failure(workflow_id) is None
        assert story.lines == ["claim", "build", "activate"]

    @pytest.mark.parametrize(("epoch", "step"), [(0, "build"), (2, "build"), (1, "claim")])
    def test_an_answer_to_something_else_is_refused(
        self, story: Story, epoch: int, step: str
    ) -> None:
        stage = Stage(building(story))
        workflow_id = stage.begin()
        before = stage.loaded(workflow_id)
        with pytest.raises(Obsolete):
            stage.worker.resume(workflow_id, epoch=epoch, step=step, outcome=Outcome())
        assert stage.loaded(workflow_id) == before

    def test_a_repeated_answer_is_refused(self, story: Story) -> None:
        stage = Stage(building(story))
        workflow_id = stage.begin()
        stage.worker.resume(workflow_id, epoch=1, step="build", outcome=Outcome(output=1))
        with pytest.raises(Obsolete):
            stage.worker.resume(workflow_id, epoch=1, step="build", outcome=Outcome(output=2))
        stage.worker.run_pending()
        assert stage.journal.tables == {"built": 1}
        with pytest.raises(Obsolete):
            stage.worker.resume(workflow_id, epoch=1, step="build", outcome=Outcome(output=3))

    def test_each_alternate_waits_under_its_own_epoch(self, story: Story) -> None:
        epochs: list[int] = []
        build = story.step(
            "build", lambda ctx: epochs.append(ctx.epoch), wait=Wait(deadline_seconds=9.0)
        )
        stage = Stage(a_workflow(Retry(name="place", over=lambda outputs: [5, 6], steps=(build,))))
        workflow_id = stage.begin()
        stage.answer(workflow_id, Outcome.failed(TryElsewhere()))
        with pytest.raises(Obsolete):
            stage.worker.resume(workflow_id, epoch=1, step="build", outcome=Outcome())
        stage.answer(workflow_id)
        assert epochs == [1, 2]
        assert stage.failure(workflow_id) is None

    def test_a_repeated_do_keeps_its_epoch(self, story: Story) -> None:
        epochs: list[int] = []

        def cast(ctx: StepContext) -> None:
            epochs.append(ctx.epoch)
            if len(epochs) == 1:
                raise Unavailable

        stage = Stage(building(story, cast))
        workflow_id = stage.begin()
        stage.wait(1)
        assert epochs == [1, 1]
        stage.answer(workflow_id)
        assert stage.failure(workflow_id) is None

    def test_an_answer_to_a_message_that_seemed_lost_counts(self, story: Story) -> None:
        def cast(ctx: StepContext) -> Result:
            raise Unavailable

        stage = Stage(building(story, cast))
        workflow_id = stage.begin()
        stage.answer(workflow_id)
        assert stage.failure(workflow_id) is None
        assert story.lines == ["claim", "build", "activate"]

    def test_a_step_may_have_nothing_to_wait_for(self, story: Story) -> None:
        stage = Stage(building(story, lambda ctx: Done(output="gone", answered=True)))
        workflow_id = stage.begin()
        assert stage.failure(workflow_id) is None
        assert stage.journal.tables == {"built": "gone"}


class TestDeadlines:
    def test_silence_fails_the_step(self, story: Story) -> None:
        stage = Stage(building(story))
        workflow_id = stage.begin()
        stage.wait(99.9)
        assert stage.outcome(workflow_id) is None
        stage.wait(0.1)
        assert stage.failure(workflow_id) == "TimedOut"
        assert story.lines[2:] == ["-build", "-claim", "failed: TimedOut"]

    def test_the_deadline_may_depend_on_the_work(self, story: Story) -> None:
        stage = Stage(building(story, deadline_seconds=lambda ctx: ctx.params.size * 10.0))
        workflow_id = stage.begin()
        stage.wait(29)
        assert stage.outcome(workflow_id) is None
        stage.wait(1)
        assert stage.failure(workflow_id) == "TimedOut"

    def test_a_deadline_may_be_answered_by_looking(self, story: Story) -> None:
        looks: list[Result] = [Nap(20), Done(output="found")]
        stage = Stage(building(story, on_deadline=lambda ctx: looks.pop(0)))
        workflow_id = stage.begin()
        stage.wait(100)
        stage.wait(19)
        assert stage.outcome(workflow_id) is None
        stage.wait(1)
        assert stage.failure(workflow_id) is None
        assert stage.journal.tables == {"built": "found"}

    def test_a_deadline_may_raise_something_better(self, story: Story) -> None:
        def look(ctx: StepContext) -> Result:
            raise Invalid

        stage = Stage(building(story, on_deadline=look))
        workflow_id = stage.begin()
        stage.wait(100)
        assert stage.failure(workflow_id) == "Invalid"

    def test_a_deadline_is_looked_at_again_when_looking_fails(self, story: Story) -> None:
        looks = [Unavailable(), Unavailable()]

        def look(ctx: StepContext) -> Result:
            if looks:
                raise looks.pop()
            return Done(output="found")

        stage = Stage(building(story, on_deadline=look))
        workflow_id = stage.begin()
        stage.wait(100)
        stage.wait(1)
        stage.wait(2)
        assert stage.failure(workflow_id) is None
        assert stage.journal.tables == {"built": "found"}

    def test_a_deadline_that_cannot_be_told_fails_the_step(self, story: Story) -> None:
        stage = Stage(building(story, deadline_seconds=lambda ctx: ctx.outputs["nothing"]))
        workflow_id = stage.begin()
        assert stage.failure(workflow_id) == "NovaError"
        assert story.lines[2:] == ["-build", "-claim", "failed: NovaError"]

    def test_a_second_question_waits_for_its_time(self, story: Story) -> None:
        stage = Stage(building(story, resend_after=40.0))
        workflow_id = stage.begin()
        stage.wait(30)
        other = stage.a_worker("bob")
        assert stage.journal.lease(workflow_id, other.lease) is not None
        other.submit(workflow_id)
        other.run_pending()
        assert story.lines == ["claim", "build"]
        stage.wait(10)
        assert story.lines == ["claim", "build", "build"]

    def test_a_wake_up_without_reason_changes_nothing(self, story: Story) -> None:
        stage = Stage(building(story))
        workflow_id = stage.begin()
        before = stage.loaded(workflow_id).row
        stage.worker.submit(workflow_id)
        stage.worker.run_pending()
        assert stage.loaded(workflow_id).row == before

    def test_silence_is_met_by_asking_again(self, story: Story) -> None:
        epochs: list[int] = []
        stage = Stage(building(story, lambda ctx: epochs.append(ctx.epoch), resend_after=40.0))
        workflow_id = stage.begin()
        for _ in range(2):
            stage.wait(40)
        assert epochs == [1, 1, 1]
        stage.wait(19)
        assert stage.outcome(workflow_id) is None
        stage.wait(1)
        assert stage.failure(workflow_id) == "TimedOut"
        assert epochs == [1, 1, 1]

    def test_asking_again_in_vain_does_not_end_the_wait(self, story: Story) -> None:
        calls: list[int] = []

        def cast(ctx: StepContext) -> None:
            calls.append(ctx.epoch)
            if len(calls) > 1:
                raise Unavailable

        stage = Stage(building(story, cast, resend_after=40.0))
        workflow_id = stage.begin()
        stage.wait(40)
        stage.wait(1)
        assert calls == [1, 1, 1]
        assert stage.row(workflow_id).state is WorkflowState.WAITING
        stage.answer(workflow_id)
        assert stage.failure(workflow_id) is None


class TestInterrupts:
    def test_a_sleeper_is_woken_and_unwound(self, story: Story) -> None:
        stage = Stage(building(story))
        workflow_id = stage.begin()
        assert stage.worker.interrupt(workflow_id, "delete")
        stage.worker.run_pending()
        assert stage.failure(workflow_id) == "Interrupted"
        assert story.lines[2:] == ["-build", "-claim", "interrupted: Interrupted"]
        assert not stage.worker.interrupt(workflow_id, "delete")

    def test_a_napper_is_woken_and_unwound(self, story: Story) -> None:
        stage = Stage(a_workflow(story.step("one", lambda ctx: Nap(1000))))
        workflow_id = stage.begin()
        stage.worker.interrupt(workflow_id, "delete")
        stage.worker.run_pending()
        assert stage.failure(workflow_id) == "Interrupted"

    def test_one_that_was_not_begun_does_nothing(self, story: Story) -> None:
        stage = Stage(building(story))
        workflow_id = stage.create()
        stage.worker.interrupt(workflow_id, "delete")
        stage.worker.run_pending()
        assert story.lines == ["interrupted: Interrupted"]

    def test_without_its_own_handler_the_failure_is_recorded(self, story: Story) -> None:
        stage = Stage(a_workflow(story.step("one", lambda ctx: Nap(9)), on_failure=faulty))
        workflow_id = stage.begin()
        stage.worker.interrupt(workflow_id, "delete")
        stage.worker.run_pending()
        assert stage.journal.tables == {"fault": "delete"}

    def test_an_outcome_that_came_first_counts_for_the_undo(self, story: Story) -> None:
        outputs: list[Any] = []
        step = Step(
            name="build",
            do=lambda ctx: None,
            undo=lambda ctx: outputs.append(dict(ctx.outputs)),
            wait=Wait(deadline_seconds=9.0),
        )
        stage = Stage(a_workflow(step))
        workflow_id = stage.begin()
        stage.journal.deliver(workflow_id, epoch=1, step="build", outcome=Outcome(output=7))
        stage.worker.interrupt(workflow_id, "delete")
        stage.worker.run_pending()
        assert outputs == [{"build": 7}]

    @given(at=st.sampled_from(["claim", "build", "activate", "-claim", "-build"]))
    def test_an_interrupt_at_any_call_ends_interrupted(self, at: str) -> None:
        story = Story()

        def calling(name: str, then: Any = None) -> Any:
            def call(ctx: StepContext) -> Result:
                story.lines.append(name)
                if name == at:
                    stage.journal.interrupt(ctx.workflow_id, "delete")
                if then is not None:
                    raise then
                return None

            return call

        fails = Invalid() if at.startswith("-") else None
        stage = Stage(
            a_workflow(
                Step(name="claim", do=calling("claim"), undo=calling("-claim")),
                Step(name="build", do=calling("build"), undo=calling("-build")),
                Step(name="activate", do=calling("activate", fails), pure=True),
                on_failure=story.ending("failed"),
                on_interrupt=story.ending("interrupted"),
            )
        )
        workflow_id = stage.begin()
        assert stage.failure(workflow_id) == "Interrupted"
        done = [line for line in story.lines if line in {"claim", "build"}]
        undone = [line for line in story.lines if line in {"-claim", "-build"}]
        # The step after the interrupt may have been announced, and is then undone as well.
        assert undone[-len(done) :] == [f"-{name}" for name in reversed(done)]
        assert len(undone) <= len(done) + 1
        assert story.lines[-1] == "interrupted: Interrupted"

    def test_an_interrupt_while_the_failure_is_recorded_has_the_last_word(
        self, story: Story
    ) -> None:
        def fail(ctx: StepContext, error: Exception) -> Done:
            stage.journal.interrupt(ctx.workflow_id, "delete")
            return put("ended", "failed")

        stage = Stage(
            a_workflow(
                story.step("one", refusing),
                on_failure=fail,
                on_interrupt=lambda ctx, error: put("ended", "interrupted"),
            )
        )
        workflow_id = stage.begin()
        assert stage.failure(workflow_id) == "Interrupted"
        assert stage.journal.tables == {"ended": "interrupted"}

    def test_the_end_may_start_the_successor(self, story: Story) -> None:
        delete = a_workflow(story.step("delete"), kind="delete")

        def succeed(ctx: StepContext, error: Exception) -> Done:
            row = new_workflow(
                delete, subject=ctx.subject, params=Params(), context=service_context()
            )
            return Done(apply=lambda work: stage.journal.create(row, work), wake=(row.id,))

        build = a_workflow(
            story.step("build", wait=Wait(deadline_seconds=99.0)), on_interrupt=succeed
        )
        stage = Stage(build, delete)
        workflow_id = stage.begin()
        stage.worker.interrupt(workflow_id, "delete")
        stage.worker.run_pending()
        assert story.lines == ["build", "-build", "delete"]
        assert [row.finished_at is not None for row in stage.journal.rows()] == [True, True]


def faulty(ctx: StepContext, error: Exception) -> Done:
    return put("fault", str(error))


def refusing(ctx: StepContext) -> Result:
    raise Invalid
