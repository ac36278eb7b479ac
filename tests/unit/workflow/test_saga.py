from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nova_clone.domain.errors import (
    Conflict,
    ExternalFailure,
    Invalid,
    NoValidHost,
    TimedOut,
    TryElsewhere,
    Unavailable,
)
from nova_clone.workflow.journal import MarkKind
from nova_clone.workflow.outcome import Failure, Outcome, decode
from nova_clone.workflow.step import Done, Nap, Result, Retry, StepContext, Wait, Workflow
from tests.laws import Crashes, Play
from tests.unit.workflow.stage import Params, Stage, Story, a_workflow, put
from tests.workflow.cases import CASES, is_gone, is_stored


def raising(error: Exception, *, times: int | None = None) -> Any:
    """Return a do that raises, the given number of times or always."""
    calls: list[int] = []

    def do(ctx: StepContext) -> Result:
        calls.append(1)
        if times is None or len(calls) <= times:
            raise error
        return None

    return do


@pytest.fixture
def story() -> Story:
    return Story()


class TestForward:
    def test_steps_run_in_order_with_params_and_outputs(self, story: Story) -> None:
        seen: list[StepContext] = []
        stage = Stage(
            a_workflow(
                story.step("one", lambda ctx: Done(output={"port": 7})),
                story.step("two", seen.append),
            ),
            services="services",
        )
        workflow_id = stage.begin()
        assert story.lines == ["one", "two"]
        assert stage.outcome(workflow_id) == Outcome()
        (ctx,) = seen
        assert ctx.params == Params(size=3)
        assert ctx.outputs == {"one": {"port": 7}}
        assert (ctx.workflow_id, ctx.subject, ctx.services) == (
            workflow_id,
            "server-1",
            "services",
        )

    def test_an_output_has_the_type_of_its_step(self, story: Story) -> None:
        seen: list[Any] = []
        stage = Stage(
            a_workflow(
                story.step("one", lambda ctx: Done(output=Params(size=9)), output=Params),
                story.step("two", lambda ctx: seen.append(ctx.outputs["one"])),
            )
        )
        stage.begin()
        assert seen == [Params(size=9)]

    def test_an_output_of_another_type_is_a_failure(self, story: Story) -> None:
        stage = Stage(a_workflow(story.step("one", lambda ctx: Done(output=3), output=Params)))
        workflow_id = stage.begin()
        assert stage.failure(workflow_id) == "NovaError"
        assert story.lines == ["one", "-one"]

    def test_four_plain_steps_cost_five_commits(self, story: Story) -> None:
        stage = Stage(a_workflow(*(story.step(name) for name in "abcd")))
        workflow_id = stage.create(leased=True)
        before = stage.journal.commits
        stage.worker.submit(workflow_id)
        stage.worker.run_pending()
        assert stage.failure(workflow_id) is None
        assert stage.journal.commits - before == 5

    def test_a_build_costs_four_commits_and_its_answer(self, story: Story) -> None:
        stage = Stage(
            a_workflow(
                story.step("choose", lambda ctx: Done(output=["a"]), pure=True),
                Retry(
                    name="place",
                    over=lambda outputs: outputs["choose"],
                    steps=(
                        story.step("claim"),
                        story.step("assign", lambda ctx: put("host", "a"), pure=True),
                        story.step("build", wait=Wait(deadline_seconds=60)),
                    ),
                ),
                story.step("activate", lambda ctx: put("state", "active"), pure=True),
            )
        )
        workflow_id = stage.create(leased=True)
        before = stage.journal.commits
        stage.worker.submit(workflow_id)
        stage.worker.run_pending()
        stage.answer(workflow_id)
        assert stage.failure(workflow_id) is None
        assert stage.journal.tables == {"host": "a", "state": "active"}
        assert stage.journal.commits - before == 5

    def test_a_step_finds_the_state_of_the_one_before(self, story: Story) -> None:
        found: list[Any] = []
        stage = Stage(
            a_workflow(
                story.step("one", lambda ctx: put("host", "a"), pure=True),
                story.step(
                    "two", lambda ctx: found.append(stage.journal.tables["host"]), pure=True
                ),
            )
        )
        stage.begin()
        assert found == ["a"]

    def test_two_steps_of_one_name_are_refused(self, story: Story) -> None:
        with pytest.raises(ValueError, match="two steps of one name"):
            a_workflow(story.step("one"), story.step("one"))


class TestFailure:
    def test_everything_is_undone_in_reverse(self, story: Story) -> None:
        stage = Stage(
            a_workflow(
                story.step("one"),
                story.step("two"),
                story.step("three", raising(Conflict("No."))),
                on_failure=story.ending("failed"),
            )
        )
        workflow_id = stage.begin()
        assert story.lines == [
            *("one", "two", "three"),
            *("-three", "-two", "-one", "failed: Conflict"),
        ]
        outcome = stage.outcome(workflow_id)
        assert outcome is not None
        assert outcome.failure == Failure(name="Conflict", message="No.")

    def test_a_pure_step_that_failed_has_nothing_to_undo(self, story: Story) -> None:
        stage = Stage(a_workflow(story.step("one", raising(Invalid()), pure=True)))
        stage.begin()
        assert story.lines == ["one"]

    def test_an_error_that_nobody_foresaw_shows_no_secrets(self, story: Story) -> None:
        stage = Stage(a_workflow(story.step("one", raising(ValueError("password=x")))))
        workflow_id = stage.begin()
        outcome = stage.outcome(workflow_id)
        assert outcome is not None
        assert outcome.failure is not None
        assert outcome.failure.details == {"exception": "ValueError"}
        assert "password" not in outcome.failure.message

    def test_the_end_is_recorded_with_the_state_it_stands_for(self, story: Story) -> None:
        def fault(ctx: StepContext, error: Exception) -> Done:
            failures = [(one.step, str(one.error)) for one in ctx.failures]
            return put("fault", failures)

        stage = Stage(
            a_workflow(story.step("one", raising(NoValidHost("None."))), on_failure=fault)
        )
        stage.begin()
        assert stage.journal.tables == {"fault": [("one", "None.")]}

    def test_a_refused_state_change_fails_its_step(self, story: Story) -> None:
        def refuse(work: Any) -> None:
            raise Conflict("Deleted meanwhile.")

        stage = Stage(
            a_workflow(
                story.step("one"),
                story.step("two", lambda ctx: Done(apply=refuse)),
                story.step("three"),
            )
        )
        workflow_id = stage.begin()
        assert stage.failure(workflow_id) == "Conflict"
        assert story.lines == ["one", "two", "-two", "-one"]

    def test_a_broken_state_change_fails_its_step(self, story: Story) -> None:
        stage = Stage(
            a_workflow(
                story.step("one", lambda ctx: Done(apply=lambda work: work.tables["nothing"]))
            )
        )
        workflow_id = stage.begin()
        assert stage.failure(workflow_id) == "NovaError"
        assert story.lines == ["one", "-one"]

    def test_a_refused_end_is_tried_again(self, story: Story) -> None:
        refusals = [Unavailable("Down."), Conflict("Locked.")]

        def apply(work: Any) -> None:
            if refusals:
                raise refusals.pop(0)
            work.tables["fault"] = True

        stage = Stage(
            a_workflow(
                story.step("one", raising(Invalid())),
                on_failure=lambda ctx, error: Done(apply=apply),
            )
        )
        workflow_id = stage.begin()
        assert stage.outcome(workflow_id) is None
        stage.wait(1)
        assert "Locked." in (stage.row(workflow_id).trouble or "")
        stage.wait(60)
        assert stage.failure(workflow_id) == "Invalid"
        assert stage.journal.tables == {"fault": True}

    def test_a_refused_undo_is_tried_again(self, story: Story) -> None:
        refusals = [Conflict("Locked.")]

        def apply(work: Any) -> None:
            if refusals:
                raise refusals.pop()
            work.tables["undone"] = True

        step = story.step("one", raising(Invalid()), undo=lambda ctx: Done(apply=apply))
        stage = Stage(a_workflow(step))
        workflow_id = stage.begin()
        assert stage.outcome(workflow_id) is None
        stage.wait(60)
        assert stage.failure(workflow_id) == "Invalid"
        assert stage.journal.tables == {"undone": True}

    def test_the_end_may_nap(self, story: Story) -> None:
        naps = [Nap(5)]
        stage = Stage(
            a_workflow(
                story.step("one", raising(Invalid())),
                on_failure=lambda ctx, error: naps.pop() if naps else None,
            )
        )
        workflow_id = stage.begin()
        assert stage.outcome(workflow_id) is None
        stage.wait(5)
        assert stage.failure(workflow_id) == "Invalid"

    def test_a_step_without_undo_is_passed_over(self, story: Story) -> None:
        stage = Stage(
            a_workflow(
                story.step("one"),
                story.step("two", undo=None),
                story.step("three", raising(Invalid())),
            )
        )
        stage.begin()
        assert story.lines == ["one", "two", "three", "-three", "-one"]


class TestRetry:
    def place(self, story: Story, build: Any, **extra: Any) -> Workflow:
        return a_workflow(
            story.step("choose", lambda ctx: Done(output=["a", "b", "c"])),
            Retry(
                **{
                    "name": "place",
                    "over": lambda outputs: outputs["choose"],
                    "steps": (story.step("claim"), story.step("build", build)),
                    **extra,
                }
            ),
            on_failure=story.ending("failed"),
        )

    @given(full=st.lists(st.booleans(), max_size=5))
    def test_the_first_alternate_that_works_is_taken(self, full: list[bool]) -> None:
        claims: list[int] = []

        def build(ctx: StepContext) -> Result:
            assert claims == [ctx.attempt] == [ctx.alternate]
            if full[ctx.attempt]:
                raise TryElsewhere(f"{ctx.attempt} is full.")
            return Done(output=ctx.alternate)

        story = Story()
        claim = dataclasses.replace(
            story.step("claim", lambda ctx: claims.append(ctx.alternate)),
            undo=lambda ctx: claims.remove(ctx.alternate),
        )
        stage = Stage(
            a_workflow(
                Retry(
                    name="place",
                    over=lambda outputs: range(len(full)),
                    steps=(claim, story.step("build", build)),
                )
            )
        )
        workflow_id = stage.begin()
        first = next((n for n, taken in enumerate(full) if not taken), None)
        assert claims == ([] if first is None else [first])
        assert (stage.failure(workflow_id) is None) == (first is not None)
        tried = len(full) if first is None else first + 1
        assert story.lines.count("build") == tried

    def test_the_last_error_goes_on_when_all_are_tried(self, story: Story) -> None:
        stage = Stage(self.place(story, raising(TryElsewhere("Full."))))
        workflow_id = stage.begin()
        assert stage.failure(workflow_id) == "TryElsewhere"
        again = ["claim", "build", "-build", "-claim"]
        assert story.lines == ["choose", *again * 3, "-choose", "failed: TryElsewhere"]

    def test_another_error_ends_the_search(self, story: Story) -> None:
        stage = Stage(self.place(story, raising(ExternalFailure())))
        stage.begin()
        assert story.lines.count("build") == 1

    def test_alternates_may_be_given_as_a_number(self, story: Story) -> None:
        stage = Stage(self.place(story, raising(TryElsewhere(), times=1), over=lambda outputs: 2))
        workflow_id = stage.begin()
        assert stage.failure(workflow_id) is None
        assert story.lines.count("build") == 2

    def test_broken_alternates_fail_the_step(self, story: Story) -> None:
        stage = Stage(self.place(story, None, over=lambda outputs: outputs["nothing"]))
        workflow_id = stage.begin()
        assert stage.failure(workflow_id) == "NovaError"
        assert "claim" not in story.lines


class TestTryingAgain:
    def test_an_unreachable_peer_is_tried_at_a_growing_pace(self, story: Story) -> None:
        stage = Stage(a_workflow(story.step("one", raising(Unavailable(), times=3))))
        workflow_id = stage.begin()
        for calls, pause in ((1, 1), (2, 2), (3, 4)):
            assert story.lines == ["one"] * calls
            stage.wait(pause - 0.5)
            assert story.lines == ["one"] * calls
            stage.wait(0.5)
        assert story.lines == ["one"] * 4
        assert stage.failure(workflow_id) is None
        kinds = [mark.kind for mark in stage.loaded(workflow_id).marks]
        assert kinds.count(MarkKind.HINDERED) == 1

    def test_the_trouble_can_be_seen_meanwhile(self, story: Story) -> None:
        stage = Stage(a_workflow(story.step("one", raising(TimedOut("No reply."), times=1))))
        workflow_id = stage.begin()
        row = stage.row(workflow_id)
        assert decode(row.trouble or "", Failure).message == "No reply."
        assert row.tries == 1
        stage.wait(1)
        assert stage.row(workflow_id).trouble is None

    def test_attempts_are_used_up(self, story: Story) -> None:
        stage = Stage(a_workflow(story.step("one", raising(Unavailable()), attempts=2)))
        workflow_id = stage.begin()
        stage.wait(1)
        assert stage.failure(workflow_id) == "Unavailable"
        assert story.lines == ["one", "one", "-one"]

    @pytest.mark.parametrize("pure", [True, False])
    def test_patience_ends(self, story: Story, *, pure: bool) -> None:
        step = story.step("one", raising(Unavailable()), patience=10.0, pure=pure)
        stage = Stage(a_workflow(step))
        workflow_id = stage.begin()
        for _ in range(4):
            stage.wait(8)
        assert stage.failure(workflow_id) == "Unavailable"
        assert story.lines.count("one") == 3

    def test_patience_may_be_endless(self, story: Story) -> None:
        stage = Stage(
            a_workflow(story.step("one", raising(Unavailable(), times=40), patience=None))
        )
        workflow_id = stage.begin()
        for _ in range(40):
            stage.wait(8)
        assert stage.failure(workflow_id) is None

    def test_a_nap_calls_the_same_step_again(self, story: Story) -> None:
        naps = [Nap(5), Nap(7)]
        stage = Stage(a_workflow(story.step("one", lambda ctx: naps.pop(0) if naps else None)))
        workflow_id = stage.begin()
        assert stage.row(workflow_id).leased_by is None
        stage.wait(5)
        stage.wait(6)
        assert story.lines == ["one"] * 2
        stage.wait(1)
        assert story.lines == ["one"] * 3
        assert stage.failure(workflow_id) is None

    def test_an_undo_is_tried_until_it_succeeds(self, story: Story) -> None:
        undo = raising(Unavailable(), times=12)
        stage = Stage(
            a_workflow(story.step("one", raising(Invalid()), undo=undo)),
        )
        workflow_id = stage.begin()
        for _ in range(11):
            assert stage.outcome(workflow_id) is None
            stage.wait(8)
        stage.wait(8)
        assert stage.failure(workflow_id) == "Invalid"

    def test_an_undo_that_breaks_is_visible_and_goes_on_slowly(self, story: Story) -> None:
        undo = raising(KeyError("x"), times=2)
        stage = Stage(a_workflow(story.step("one", raising(Invalid()), undo=undo)))
        workflow_id = stage.begin()
        trouble = decode(stage.row(workflow_id).trouble or "", Failure)
        assert trouble.details == {"exception": "KeyError"}
        stage.wait(30)
        assert stage.row(workflow_id).tries == 1
        stage.wait(30)
        assert stage.row(workflow_id).tries == 2
        stage.wait(60)
        assert stage.failure(workflow_id) == "Invalid"

    def test_an_undo_may_nap(self, story: Story) -> None:
        naps = [Nap(5)]
        step = story.step("one", raising(Invalid()), undo=lambda ctx: naps.pop() if naps else None)
        stage = Stage(a_workflow(step))
        workflow_id = stage.begin()
        assert stage.outcome(workflow_id) is None
        stage.wait(5)
        assert stage.failure(workflow_id) == "Invalid"


@given(
    deaths=st.sets(st.integers(min_value=0, max_value=60), max_size=6),
    interrupt_after=st.none() | st.integers(min_value=1, max_value=4),
)
@settings(max_examples=150)
def test_any_deaths_and_an_interrupt_leave_all_or_nothing(
    deaths: set[int], interrupt_after: int | None
) -> None:
    (case,) = (case for case in CASES if case.name == "store-parcel")
    play = Play(case, case.workflow, crashes=Crashes(at=deaths))

    def interrupt() -> None:
        if play.crashes.happened == interrupt_after:
            play.journal.interrupt(play.id, "enough")

    play.after_crash = interrupt
    play.run()
    failure = play.outcome().failure
    assert is_stored(play.world) if failure is None else is_gone(play.world)
