"""Work that is done again and again."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable

LOG = logging.getLogger(__name__)


class Every:
    """Calls a function about every ``interval`` seconds in a thread of its own.

    The pause between two calls differs by up to ``jitter`` (a share of the
    interval), so that many hosts do not act at once. With ``delay`` the first
    call comes after at most so many seconds, chosen at random; otherwise
    after the first pause. A failing call is logged and does not end the rest.
    An interval of 0 or less means never.
    """

    def __init__(
        self,
        interval: float,
        function: Callable[[], object],
        *,
        jitter: float = 0.1,
        delay: float | None = None,
        name: str | None = None,
    ) -> None:
        self._interval = interval
        self._function = function
        self._jitter = jitter
        self._delay = delay
        self._name = name or getattr(function, "__name__", "timer")
        self._changed = threading.Condition()
        self._stopping = False
        self._due = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; does nothing when the interval says never."""
        if self._interval <= 0:
            return
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 30) -> None:
        """Make no more calls, and wait ``timeout`` seconds at most for the one in hand."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def now(self) -> None:
        """Let the next call come at once."""
        with self._changed:
            self._due = True
            self._changed.notify_all()

    def _run(self) -> None:
        pause = self._pause() if self._delay is None else random.uniform(0, self._delay)  # noqa: S311
        while self._wait(pause):
            self._call()
            pause = self._pause()

    def _pause(self) -> float:
        return self._interval * random.uniform(1 - self._jitter, 1 + self._jitter)  # noqa: S311

    def _wait(self, pause: float) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._due, timeout=pause)
            self._due = False
            return not self._stopping

    def _call(self) -> None:
        try:
            self._function()
        # The boundary of this thread: one failure must not end what is periodic.
        except Exception:
            LOG.exception("%s failed; it is tried again in about %s s", self._name, self._interval)
