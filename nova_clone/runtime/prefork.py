"""Several processes of one daemon: forked early, watched, started again when they die."""

from __future__ import annotations

import dataclasses
import gc
import logging
import os
import select
import signal
import time
from collections.abc import Callable

from nova_clone.runtime import notify, signals

LOG = logging.getLogger(__name__)

#: A worker that lived at least so many seconds is started again at once.
STEADY = 10.0
#: The longest pause, in seconds, before a worker that keeps dying is started again.
LONGEST_PAUSE = 30.0
_PR_SET_PDEATHSIG = 1


@dataclasses.dataclass(kw_only=True)
class _Worker:
    number: int
    pid: int = 0
    started: float = 0.0
    failures: int = 0
    due: float = 0.0
    #: Has one byte to read once the worker is ready, and then is -1.
    news: int = -1
    ready: bool = False


class Supervisor:
    """Keeps ``count`` children that run ``work``, until it is told to stop.

    ``work`` is called in each child with its number and a function to call
    when it is ready; its result is the exit status. Nothing in this process
    may have started a thread before. ``patience`` is how many seconds the
    children have to end.
    """

    def __init__(
        self,
        count: int,
        work: Callable[[int, Callable[[], None]], int],
        *,
        patience: float,
        on_reload: Callable[[], None] | None = None,
    ) -> None:
        self._workers = [_Worker(number=number) for number in range(count)]
        self._work = work
        self._patience = patience
        self._on_reload = on_reload or (lambda: None)
        self._mailbox = signals.Mailbox(
            (*signals.STOP, signals.RELOAD, signals.REPORT, signals.CHILD)
        )
        self._parent = os.getpid()
        self._announced = False

    def run(self) -> int:
        """Supervise until told to stop; returns the exit status of the daemon."""
        self._mailbox.open()
        gc.collect()
        gc.freeze()
        for worker in self._workers:
            self._start(worker)
        while not self._mailbox.stop_requested:
            self._turn()
        notify.send("STOPPING=1")
        return self._stop()

    def _turn(self) -> None:
        news = {worker.news: worker for worker in self._workers if worker.news >= 0}
        own = self._mailbox.fileno()
        found, _, _ = select.select([own, *news], [], [], self._next_due())
        for source in found:
            if source == own:
                self._handle(self._mailbox.wait(0))
            else:
                self._hear(news[source])
        self._start_due()

    def _hear(self, worker: _Worker) -> None:
        # An end of file is a worker that died first; it is started again like any other.
        worker.ready = worker.ready or bool(os.read(worker.news, 1))
        os.close(worker.news)
        worker.news = -1
        if not self._announced and all(worker.ready for worker in self._workers):
            self._announced = True
            notify.send("READY=1")

    def _handle(self, event: int | None) -> None:
        if event == signals.CHILD:
            self._reap()
        elif event == signals.RELOAD:
            self._on_reload()
            self._forward(signals.RELOAD)
        elif event == signals.REPORT:
            self._forward(signals.REPORT)

    def _start(self, worker: _Worker) -> None:
        reader, writer = os.pipe()
        worker.started = time.monotonic()
        # A signal must not find the child while it still has its parent's handlers.
        signal.pthread_sigmask(signal.SIG_BLOCK, signals.STOP)
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            self._mailbox.close()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, signals.STOP)
            os._exit(self._child(worker.number, writer))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals.STOP)
        os.close(writer)
        if worker.news >= 0:
            os.close(worker.news)
        worker.pid, worker.news, worker.due = pid, reader, 0.0
        LOG.info("worker %s has process %s", worker.number, pid)

    def _child(self, number: int, writer: int) -> int:
        _die_with_parent(self._parent)

        def ready() -> None:
            os.write(writer, b"1")
            os.close(writer)

        try:
            return self._work(number, ready)
        # The boundary of a process: it must never return into its parent's code.
        except BaseException:
            LOG.exception("worker %s failed", number)
            return 1
        finally:
            logging.shutdown()

    def _reap(self) -> None:
        for worker in self._workers:
            if not worker.pid:
                continue
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                self._died(worker, status)

    def _died(self, worker: _Worker, status: int) -> None:
        lived = time.monotonic() - worker.started
        worker.failures = 0 if lived >= STEADY else worker.failures + 1
        pause = min(2.0 ** (worker.failures - 1), LONGEST_PAUSE) if worker.failures else 0.0
        worker.due = time.monotonic() + pause
        LOG.error(
            "worker %s (process %s) ended with %s after %.0f s; it is started again in %.0f s",
            worker.number,
            worker.pid,
            os.waitstatus_to_exitcode(status),
            lived,
            pause,
        )
        worker.pid = 0

    def _next_due(self) -> float | None:
        waiting = [worker.due for worker in self._workers if not worker.pid]
        return max(min(waiting) - time.monotonic(), 0.0) if waiting else None

    def _start_due(self) -> None:
        now = time.monotonic()
        for worker in self._workers:
            if not worker.pid and worker.due <= now and not self._mailbox.stop_requested:
                self._start(worker)

    def _forward(self, number: int) -> None:
        for worker in self._workers:
            if worker.pid:
                os.kill(worker.pid, number)

    def _stop(self) -> int:
        self._forward(signal.SIGTERM)
        deadline = time.monotonic() + self._patience
        while any(worker.pid for worker in self._workers):
            left = deadline - time.monotonic()
            if left <= 0:
                LOG.error("workers have not ended within %s s and are killed", self._patience)
                self._forward(signal.SIGKILL)
                return 1
            self._mailbox.wait(min(left, 1.0))
            self._collect()
        return 0

    def _collect(self) -> None:
        for worker in self._workers:
            if worker.pid and os.waitpid(worker.pid, os.WNOHANG)[0]:
                worker.pid = 0


def _die_with_parent(parent: int) -> None:
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(0)
