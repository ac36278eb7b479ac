from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable

import pytest

from nova_clone.clients.together import Together
from nova_clone.domain.errors import Invalid, Unavailable
from tests.cloud import eventually


class Question:
    """One that waits for its answer, and knows what was written when it was begun."""

    def __init__(self, answer: Callable[[], None] = lambda: None) -> None:
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.asked = 0
        self._answer = answer

    def __call__(self) -> None:
        self.asked += 1
        self.begun.release()
        assert self.go.acquire(timeout=60)
        self._answer()


class Asker(threading.Thread):
    def __init__(self, together: Together, question: Question) -> None:
        super().__init__()
        self.error: Exception | None = None
        self._together = together
        self._question = question
        self.start()

    def run(self) -> None:
        try:
            self._together.ask(self._question)
        except (Unavailable, Invalid) as error:
            self.error = error


def ended(*askers: Asker) -> list[str]:
    for asker in askers:
        asker.join(60)
        assert not asker.is_alive()
    return [type(asker.error).__name__ for asker in askers]


def waits(asker: Asker) -> bool:
    frame = sys._current_frames().get(asker.ident or 0)
    return any(each.f_code.co_name == "wait_for" for each, _line in traceback.walk_stack(frame))


def test_who_comes_during_a_question_shares_the_next() -> None:
    together, question = Together(), Question()
    first = Asker(together, question)
    assert question.begun.acquire(timeout=60)
    others = [Asker(together, question) for _number in range(5)]
    eventually(lambda: all(waits(asker) for asker in others), what="five wait", patience=10)

    question.go.release(2)

    ended(first, *others)
    assert question.asked == 2


def test_one_after_the_other_each_asks() -> None:
    together, question = Together(), Question()
    question.go.release(2)

    together.ask(question)
    together.ask(question)

    assert question.asked == 2


def test_an_answer_that_was_begun_before_is_not_taken() -> None:
    together, question = Together(), Question()
    first = Asker(together, question)
    assert question.begun.acquire(timeout=60)
    second = Asker(together, question)

    question.go.release()
    ended(first)
    assert question.begun.acquire(timeout=60)
    question.go.release()
    ended(second)

    assert question.asked == 2


def test_a_failure_reaches_everybody_and_the_next_may_succeed() -> None:
    together = Together()

    def refuse() -> None:
        raise Invalid("No.")

    question = Question(refuse)
    asker = Asker(together, question)
    question.go.release(9)
    assert ended(asker) == ["Invalid"]

    better = Question()
    better.go.release()
    together.ask(better)
    assert better.asked == 1


def test_a_bug_in_a_question_leaves_nobody_waiting() -> None:
    together = Together()

    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        together.ask(broken)
    together.ask(lambda: None)
