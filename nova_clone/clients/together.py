"""One question at a time, asked for everybody who waits for its answer."""

from __future__ import annotations

import threading
from collections.abc import Callable

from nova_clone.domain.errors import NovaError, Unavailable


class Together:
    """Lets threads that need news share one question for it.

    Whoever comes while a question is under way waits for the next one: only a question
    that begins after a request came in brings all that was written before that request.
    Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._begun = 0
        self._ended = 0
        self._answered = 0
        self._failure = _unknown()

    def ask(self, question: Callable[[], None]) -> None:
        """Return once `question`, or an equal one of another thread, has been answered.

        Raises what the question raised; `Unavailable` when another thread's died of a bug.
        """
        if not self._leads():
            return
        failure: NovaError | None = _unknown()
        try:
            question()
            failure = None
        except NovaError as error:
            failure = error
            raise
        finally:
            with self._turn:
                self._ended = self._begun
                if failure is None:
                    self._answered = self._ended
                else:
                    self._failure = failure
                self._turn.notify_all()

    def _leads(self) -> bool:
        """Wait for a question that begins from now on; True when this thread is to ask it."""
        with self._turn:
            mine = self._begun + 1
            self._turn.wait_for(lambda: self._ended >= mine or self._ended == self._begun)
            if self._ended < mine:
                self._begun += 1
                return True
            if self._answered < mine:
                raise self._failure.with_traceback(None)
            return False


def _unknown() -> NovaError:
    return Unavailable("The answer to a question of another request was lost.")
