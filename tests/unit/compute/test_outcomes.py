from __future__ import annotations

import threading

import pytest

from nova_clone.compute.outcomes import Outcomes
from nova_clone.contracts.hosts import StepFinished
from nova_clone.domain.errors import Invalid, NotFound, NovaError, Obsolete, TimedOut, Unavailable

from .scene import FakeConductor, a_ticket


def _result(workflow: str = "w1") -> StepFinished:
    return StepFinished(ticket=a_ticket(workflow=workflow), host="host1", server_id="s1")


class Settled:
    """Collects what needs no more sending."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.seen: list[tuple[StepFinished, bool]] = []

    def __call__(self, result: StepFinished, awaited: bool) -> None:
        with self._changed:
            self.seen.append((result, awaited))
            self._changed.notify_all()

    def wait(self, count: int) -> list[tuple[StepFinished, bool]]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.seen) >= count, timeout=60)
            return list(self.seen)


@pytest.fixture
def conductor() -> FakeConductor:
    return FakeConductor()


def _outcomes(conductor: FakeConductor, settled: Settled) -> Outcomes:
    return Outcomes(conductor, settled, first_pause=0.001, longest_pause=0.01)


def test_a_result_is_sent_at_once(conductor: FakeConductor) -> None:
    settled = Settled()
    _outcomes(conductor, settled).report(_result())
    assert conductor.results == [_result()]
    assert settled.seen == [(_result(), True)]


@pytest.mark.parametrize("error", [Obsolete(), NotFound(), Invalid()])
def test_a_result_that_nobody_wants_is_settled(conductor: FakeConductor, error: NovaError) -> None:
    settled = Settled()
    conductor.errors["step_finished"] = [error]
    outcomes = _outcomes(conductor, settled)
    outcomes.report(_result())
    assert settled.seen == [(_result(), False)]
    assert outcomes.unsent == 0


def test_a_result_outlives_an_outage(conductor: FakeConductor) -> None:
    settled = Settled()
    conductor.errors["step_finished"] = [Unavailable(), TimedOut(), NovaError(), Unavailable()]
    outcomes = _outcomes(conductor, settled)
    for workflow in ("w1", "w2"):
        outcomes.report(_result(workflow))
    assert {result.ticket.workflow_id for result, _ in settled.wait(2)} == {"w1", "w2"}
    assert len(conductor.results) == 2
    outcomes.close()


def test_closing_ends_the_attempts(conductor: FakeConductor) -> None:
    conductor.errors["step_finished"] = [Unavailable()] * 1000
    outcomes = Outcomes(conductor, Settled(), first_pause=60)
    outcomes.report(_result())
    outcomes.close()
    assert outcomes.unsent == 1
