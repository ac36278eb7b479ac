"""Ends of operations on their way to the conductor: each is sent until it is taken."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from nova_clone.contracts.hosts import StepFinished
from nova_clone.domain.errors import Invalid, NotFound, NotSupported, NovaError, Obsolete
from nova_clone.domain.identity import RequestContext, service_context

LOG = logging.getLogger(__name__)

#: Seconds between two attempts: the first and the longest pause.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 15.0


class TakesResults(Protocol):
    """The verb of the conductor that takes results."""

    def step_finished(self, context: RequestContext, request: StepFinished, /) -> None:
        """Take the end of a step."""


#: Told that a result needs no more sending; the flag tells whether somebody waited for it.
OnSettled = Callable[[StepFinished, bool], None]


class Outcomes:
    """Sends results, at once where possible and again and again where not."""

    def __init__(
        self,
        conductor: TakesResults,
        on_settled: OnSettled,
        *,
        first_pause: float = FIRST_PAUSE,
        longest_pause: float = LONGEST_PAUSE,
    ) -> None:
        self._conductor = conductor
        self._on_settled = on_settled
        self._pauses = (first_pause, longest_pause)
        self._changed = threading.Condition()
        self._unsent: list[StepFinished] = []
        self._closed = False
        self._thread: threading.Thread | None = None

    def report(self, result: StepFinished) -> None:
        """Send a result; when nobody takes it now, go on trying in the background."""
        if self._send(result):
            return
        with self._changed:
            self._unsent.append(result)
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="outcomes", daemon=True)
                self._thread.start()

    @property
    def unsent(self) -> int:
        """Return how many results nobody has taken yet."""
        with self._changed:
            return len(self._unsent)

    def close(self) -> None:
        """Stop trying; the spool keeps what was not taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        pause, longest = self._pauses
        while self._rested(pause):
            with self._changed:
                batch = tuple(self._unsent)
            # One that is refused stands for all: the conductor is not there.
            sent = 0
            while sent < len(batch) and self._send(batch[sent]):
                sent += 1
            with self._changed:
                del self._unsent[:sent]
                if not self._unsent:
                    self._thread = None
                    return
            pause = self._pauses[0] if sent else min(pause * 2, longest)

    def _rested(self, pause: float) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._closed, timeout=pause)
            return not self._closed

    def _send(self, result: StepFinished) -> bool:
        try:
            self._conductor.step_finished(service_context(), result)
        except (Obsolete, NotFound):
            LOG.info("nobody waits for %s of server %s", result.ticket, result.server_id)
            self._on_settled(result, False)  # noqa: FBT003
        except (Invalid, NotSupported) as error:
            LOG.error("the conductor refuses %s: %s", result.ticket, error.message)
            self._on_settled(result, False)  # noqa: FBT003
        except NovaError as error:
            LOG.warning("the conductor does not take %s now: %s", result.ticket, error.message)
            return False
        else:
            self._on_settled(result, True)  # noqa: FBT003
        return True
