"""Calls of a library that may block for ever, made by threads that can be given up."""

from __future__ import annotations

import collections
import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from nova_clone.domain.errors import TimedOut

T = TypeVar("T")

#: As many calls may hang before others have to wait for a thread.
THREADS = 24


class _Job:
    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._lock = threading.Lock()
        self._started = False
        self._given_up = False
        self._done = threading.Event()
        self._result: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        with self._lock:
            if self._given_up:
                return
            self._started = True
        try:
            self._result = self._function()
        # Whatever it is, it belongs to the thread that waits.
        except BaseException as error:  # noqa: BLE001
            self._error = error
        self._done.set()

    def wait(self, timeout: float) -> Any:
        """Return the result. A job that was not begun in time is never begun."""
        if not self._done.wait(timeout):
            with self._lock:
                self._given_up = True
                begun = self._started
            if not self._done.is_set():
                raise TimedOut(
                    "libvirt does not answer." if begun else "All threads wait for libvirt."
                )
        if self._error is not None:
            raise self._error
        return self._result


class Calls:
    """A bounded number of threads that make calls for others, who wait only so long."""

    def __init__(self, *, threads: int = THREADS) -> None:
        self._most = threads
        self._changed = threading.Condition()
        self._jobs: collections.deque[_Job] = collections.deque()
        self._threads = 0
        self._idle = 0
        self._closed = False

    def run(self, function: Callable[[], T], *, timeout: float) -> T:
        """Return what `function` returns; raises TimedOut after `timeout` seconds."""
        job = _Job(function)
        with self._changed:
            self._jobs.append(job)
            if self._idle >= len(self._jobs) or self._threads >= self._most:
                self._changed.notify()
            else:
                self._threads += 1
                name = f"libvirt-{self._threads}"
                threading.Thread(target=self._work, name=name, daemon=True).start()
        try:
            result: T = job.wait(timeout)
        except TimedOut:
            self._forget(job)
            raise
        return result

    def close(self) -> None:
        """Let the threads end that do not hang; others die with the process."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _forget(self, job: _Job) -> None:
        with self._changed, contextlib.suppress(ValueError):
            self._jobs.remove(job)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            job.run()

    def _next(self) -> _Job | None:
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._jobs or self._closed)
            self._idle -= 1
            if self._jobs:
                return self._jobs.popleft()
            self._threads -= 1
            return None
