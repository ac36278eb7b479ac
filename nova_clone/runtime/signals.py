"""Signals as messages: handlers only note them, the main thread acts on them."""

from __future__ import annotations

import contextlib
import os
import select
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
    """Receives signals and other events for the main thread, in order.

    It is a pipe, for that wakes whatever waits, be it a thread or an event loop.
    """

    def __init__(self, watched: Iterable[int] = (*STOP, RELOAD, REPORT)) -> None:
        self._watched = tuple(watched)
        self._stops = 0
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    def open(self) -> None:
        """Take the signals over; must be called in the main thread."""
        for number in self._watched:
            signal.signal(number, self._note)
        # The interpreter itself writes the number of each signal into the pipe.
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        # A reader that goes away is an error of that write, never the end of a daemon.
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    def close(self) -> None:
        """Give the signals back."""
        signal.set_wakeup_fd(-1)
        for number in self._watched:
            signal.signal(number, signal.SIG_DFL)
        os.close(self._reader)
        os.close(self._writer)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number in STOP:
            self._stops += 1
            if self._stops > 2:
                os._exit(IMPATIENT)

    def fileno(self) -> int:
        """Return what can be selected on: it can be read when there is an event."""
        return self._reader

    def post(self, number: int) -> None:
        """Note an event from inside the process as if it were a signal."""
        # A full pipe holds thousands of events that nobody reads: one more tells nothing.
        with contextlib.suppress(BlockingIOError):
            os.write(self._writer, bytes([number]))

    @property
    def stop_requested(self) -> bool:
        """Tell whether a signal to stop has come, even if nobody has read it yet."""
        return self._stops > 0

    def wait(self, timeout: float | None = None) -> int | None:
        """Return the next event, or ``None`` after ``timeout`` seconds."""
        ready, _, _ = select.select([self._reader], [], [], timeout)
        return os.read(self._reader, 1)[0] if ready else None
