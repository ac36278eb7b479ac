"""Decisions of the scheduler, as they are kept and told."""

from __future__ import annotations

import dataclasses

import pytest

from nova_clone.conductor import decisions
from nova_clone.conductor.decisions import Decision, Outcome
from nova_clone.contracts.scheduler import Explanation, Removal
from nova_clone.domain.errors import (
    NovaError,
    NoValidHost,
    TimedOut,
    TryElsewhere,
    Unavailable,
)
from nova_clone.workflow.step import FailedAttempt

SEEN = Explanation(
    candidates=4,
    considered=9,
    asked=1000,
    fitting=2,
    removals=(Removal(reason="ComputeFilter", count=2, hosts=("one", "two")),),
    weights={"four": 0.5, "three": 1.5},
    milliseconds=12.5,
    placement_milliseconds=8.25,
)


def told(decision: Decision) -> str:
    return "\n".join(decisions.lines(decision))


def test_a_placed_server_tells_everything() -> None:
    failures = [FailedAttempt(step="build", attempt=0, error=TryElsewhere("no disk", host="five"))]
    decision = decisions.placed(SEEN, ["three", "four"], 1, failures)
    assert told(decision).splitlines() == [
        "Placed on four",
        "Placement offered 4 of 9 hosts (at most 1000 were asked for); 2 passed every filter.",
        "ComputeFilter removed 2 host(s): one, two",
        "Weights: three 1.5, four 0.5",
        "It took 12.5 ms, 8.25 ms of them in Placement.",
        "Could not be claimed any more: 1 host(s): three",
        "Attempts before: 1",
        "  build on five: no disk",
    ]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (NoValidHost(explanation=dataclasses.asdict(Explanation(considered=3))), "NO_CAPACITY"),
        (NoValidHost(explanation=dataclasses.asdict(SEEN)), "FILTERED"),
        (NoValidHost(), "NO_CAPACITY"),
        (NoValidHost("Exceeded", last_error="no disk"), "BUILDS_FAILED"),
        (NoValidHost("Exceeded", claims_lost=3), "CLAIMS_LOST"),
        (TimedOut("No answer", topic="placement"), "PLACEMENT_UNREACHABLE"),
        (Unavailable("Nobody serves", topic="scheduler"), "SCHEDULER_UNREACHABLE"),
        (Unavailable("The broker is away"), "FAILED"),
        (NovaError(), "FAILED"),
    ],
)
def test_failures_are_told_apart(error: NovaError, outcome: str) -> None:
    failure = FailedAttempt(step="choose", attempt=0, error=error)
    decision = decisions.failed(error, (failure,))
    assert decision.outcome is Outcome[outcome]
    assert decision.attempts == ()
    assert told(decision).startswith(f"Not placed, {decision.outcome.value}: {error.message}")


def test_each_host_is_lost_once() -> None:
    decision = decisions.placed(SEEN, ["a", "a", "b", "c", "b", "d"], 4)
    assert (decision.host, decision.lost, decision.lost_count) == ("b", ("a", "c"), 2)


def test_claims_that_were_lost_to_the_end() -> None:
    lost = TryElsewhere("Other requests took the resources first", lost=3)
    failures = [FailedAttempt(step="claim", attempt=n, error=lost) for n in range(20)]
    decision = decisions.failed(lost, failures)
    assert decision.outcome is Outcome.CLAIMS_LOST
    assert (decision.attempt_count, len(decision.attempts)) == (19, 5)


def test_hosts_without_room_inside_say_why() -> None:
    full = TryElsewhere("No host has room", misfits={"one": "too few processors"})
    failure = FailedAttempt(step="claim", attempt=0, error=full)
    text = told(decisions.placed(SEEN, ["two"], 0, [failure]))
    assert "  claim: No host has room (one: too few processors)" in text


def test_what_is_kept_comes_back() -> None:
    decision = decisions.placed(SEEN, ["three"], 0)
    assert decisions.decode(decisions.encode(decision)) == decision


@pytest.mark.parametrize("filters", [30, 3000])
def test_what_is_kept_is_bounded(filters: int) -> None:
    long = tuple(f"{'host' * 60}-{n}" for n in range(5))
    removals = tuple(
        Removal(reason=f"Filter{n}", count=len(long), hosts=long) for n in range(filters)
    )
    seen = dataclasses.replace(SEEN, removals=removals)
    text = decisions.encode(decisions.placed(seen, long, 4))
    assert len(text) <= decisions.MAX_LENGTH
    kept = decisions.decode(text)
    assert (kept.outcome, kept.host) == (Outcome.PLACED, long[4])


def test_an_explanation_of_another_release_is_left_out() -> None:
    assert decisions.explanation_in(NoValidHost(explanation={"candidates": "many"})) is None
