"""Signals as messages: handlers only note them, the main thread acts on them."""

from __future__ import annotations

import os
import queue
import signal
from collections.abc import Iterable
from types import FrameType

STOP = (signal.SIGTERM, signal.SIGINT)
RELOAD = signal.SIGHUP
REPORT = signal.SIGUSR2
CHILD = signal.SIGCHLD

#: What a process that is told twice to stop exits with.
IMPATIENT = 1


class Mailbox:
    """Receives signals and other events for the main thread, in order."""

    def __init__(self, watched: Iterable[int] = (*STOP, RELOAD, REPORT)) -> None:
        self._watched = tuple(watched)
        self._events: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._stops = 0

    def open(self) -> None:
        """Take the signals over; must be called in the main thread."""
        for number in self._watched:
            signal.signal(number, self._note)
        # A reader that goes away is an error of that write, never the end of a daemon.
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    def close(self) -> None:
        """Give the signals back."""
        for number in self._watched:
            signal.signal(number, signal.SIG_DFL)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number in STOP:
            self._stops += 1
            if self._stops > 2:
                os._exit(IMPATIENT)
        self._events.put(number)

    def post(self, number: int) -> None:
        """Note an event from inside the process as if it were a signal."""
        self._events.put(number)

    @property
    def stop_requested(self) -> bool:
        """Tell whether a signal to stop has come, even if nobody has read it yet."""
        return self._stops > 0

    def wait(self, timeout: float | None = None) -> int | None:
        """Return the next event, or ``None`` after ``timeout`` seconds."""
        try:
            return self._events.get(timeout=timeout)
        except queue.Empty:
            return None
