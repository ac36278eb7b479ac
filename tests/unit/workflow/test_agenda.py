from __future__ import annotations

import threading

import pytest

from nova_clone.domain.identity import WorkflowId
from nova_clone.workflow.agenda import Agenda
from tests.laws import Clock

ONE, TWO, THREE = WorkflowId("one"), WorkflowId("two"), WorkflowId("three")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def agenda(clock: Clock) -> Agenda:
    return Agenda(capacity=2, monotonic=clock.monotonic)


def test_work_is_taken_in_order_and_once(agenda: Agenda) -> None:
    assert agenda.add(ONE)
    assert agenda.add(TWO)
    assert agenda.add(ONE)
    assert [agenda.take(wait=False) for _ in range(3)] == [ONE, TWO, None]


def test_the_queue_is_bounded(agenda: Agenda) -> None:
    agenda.add(ONE)
    agenda.add(TWO)
    assert agenda.room() == 0
    assert not agenda.add(THREE)


def test_what_runs_is_queued_again_when_it_ends(agenda: Agenda) -> None:
    agenda.add(ONE)
    agenda.take()
    assert agenda.add(ONE)
    assert agenda.take(wait=False) is None
    agenda.ended(ONE)
    assert agenda.take(wait=False) == ONE
    agenda.ended(ONE)
    assert agenda.take(wait=False) is None


def test_timers_ring_when_due(agenda: Agenda, clock: Clock) -> None:
    agenda.later(ONE, 5.0)
    agenda.later(TWO, 3.0)
    assert agenda.ring() == 3.0
    clock.advance(3)
    assert agenda.ring() == 2.0
    assert agenda.take(wait=False) == TWO
    clock.advance(2)
    assert agenda.ring() is None
    assert agenda.take(wait=False) == ONE


def test_a_timer_replaces_the_one_before(agenda: Agenda, clock: Clock) -> None:
    agenda.later(ONE, 1.0)
    agenda.later(ONE, 5.0)
    clock.advance(1)
    assert agenda.ring() == 4.0
    assert agenda.is_empty()


def test_what_is_taken_needs_no_timer(agenda: Agenda, clock: Clock) -> None:
    agenda.later(ONE, 5.0)
    agenda.add(ONE)
    agenda.take()
    agenda.ended(ONE)
    clock.advance(5)
    assert agenda.ring() is None
    assert agenda.is_empty()


def test_timers_wait_for_room(agenda: Agenda, clock: Clock) -> None:
    agenda.add(ONE)
    agenda.add(TWO)
    agenda.later(THREE, 1.0)
    clock.advance(1)
    agenda.ring()
    agenda.take()
    agenda.ring()
    assert [agenda.take(), agenda.take()] == [TWO, THREE]


def test_closing_wakes_everybody_and_gives_back(agenda: Agenda) -> None:
    taken: list[WorkflowId | None] = []
    thread = threading.Thread(target=lambda: taken.append(agenda.take()))
    thread.start()
    assert agenda.close() == []
    thread.join()
    assert taken == [None]
    assert not agenda.add(ONE)
    agenda.pause(1000.0)


def test_closing_gives_back_what_was_not_begun(agenda: Agenda) -> None:
    agenda.add(ONE)
    agenda.add(TWO)
    agenda.take()
    assert agenda.close() == [TWO]
