"""The workers of one process: they take leases and run what is due.

Work arrives by `Worker.submit` and `Worker.resume`; timers wake what naps here. The sweep is
for all the rest, such as the work of a process that died, and is the only polling.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from nova_clone.domain.errors import NovaError, Unavailable
from nova_clone.domain.identity import WorkflowId
from nova_clone.workflow.agenda import Agenda
from nova_clone.workflow.calling import Observer, Unobserved
from nova_clone.workflow.journal import Journal, Lease, Loaded, WorkflowRow
from nova_clone.workflow.outcome import Outcome
from nova_clone.workflow.saga import Engine, Pace, Rest, RestKind, Saga
from nova_clone.workflow.step import Workflow

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """How a worker works; times are in seconds.

    ``threads`` workflows run at a time, ``queue_limit`` more may be queued. A lease is
    renewed three times before it would end. ``sweep_seconds`` is the pause between two looks
    for work that nobody submitted.
    """

    threads: int = 8
    lease_seconds: float = 15.0
    sweep_seconds: float = 5.0
    queue_limit: int = 1000
    pace: Pace = dataclasses.field(default_factory=Pace)
    monotonic: Callable[[], float] = time.monotonic


@dataclasses.dataclass(eq=False)
class _Run:
    """A lease in use; ``lost`` once a renewal has found another holder."""

    id: WorkflowId
    lost: bool = False


class Worker:
    """Runs workflows of the given kinds with a pool of threads.

    ``owner`` must be unique among all worker objects that ever use the journal (a restarted
    process needs a new one). ``services`` is handed to the steps as it is.
    """

    def __init__(
        self,
        journal: Journal,
        workflows: Iterable[Workflow],
        services: Any,
        *,
        owner: str,
        settings: WorkerSettings | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._settings = settings or WorkerSettings()
        self._journal = journal
        self._workflows = {workflow.kind: workflow for workflow in workflows}
        self._engine = Engine(
            journal=journal,
            owner=owner,
            services=services,
            observer=observer or Unobserved(),
            pace=self._settings.pace,
        )
        self.lease = Lease(owner=owner, seconds=self._settings.lease_seconds)
        self._agenda = Agenda(
            capacity=self._settings.queue_limit, monotonic=self._settings.monotonic
        )
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._runs: set[_Run] = set()
        self._runs_lock = threading.Lock()
        self._stumbles: dict[WorkflowId, int] = {}
        self._more_is_due = False

    def start(self) -> None:
        """Start the pool, the renewal of leases and the sweep."""
        targets = [self._watch, self._keep_leases]
        targets += [self._work] * self._settings.threads
        for n, target in enumerate(targets):
            name = f"workflow{target.__name__}-{n}"
            thread = threading.Thread(target=target, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self, timeout: float | None = None) -> bool:
        """Give back what is queued, let running steps end, and stop within ``timeout`` seconds.

        Returns whether every thread has ended. What still runs then keeps its lease until
        that expires.
        """
        self._stopping.set()
        for workflow_id in self._agenda.close():
            self._give_back(workflow_id)
        ends = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            thread.join(None if ends is None else max(0.0, ends - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def submit(self, workflow_id: WorkflowId) -> bool:
        """Run this workflow as soon as a thread is free, if it is due.

        To be called after the transaction that created or interrupted it. False means that
        the queue is full or the worker stops: a sweep, here or elsewhere, will find it.
        """
        return self._agenda.add(workflow_id)

    def resume(self, workflow_id: WorkflowId, *, epoch: int, step: str, outcome: Outcome) -> None:
        """Bring a waiting step its outcome and run the workflow on.

        Raises `Obsolete`, with nothing changed, if the step does not wait for it (any more).
        """
        row = self._journal.deliver(
            workflow_id, epoch=epoch, step=step, outcome=outcome, lease=self.lease
        )
        if not self.submit(workflow_id) and row.leased_by == self.lease.owner:
            self._give_back(workflow_id)

    def interrupt(self, workflow_id: WorkflowId, reason: str) -> bool:
        """Ask a workflow to undo everything; False if it is finished already.

        Inside a transaction use `Journal.interrupt`, and `submit` after it.
        """
        accepted = self._journal.interrupt(workflow_id, reason)
        if accepted:
            self.submit(workflow_id)
        return accepted

    def run_pending(self) -> None:
        """Run all that is due in the calling thread and return when nothing is (any more).

        For tests and for processes without threads; not together with `start`.
        """
        while not self._stopping.is_set():
            self._agenda.ring()
            workflow_id = self._agenda.take(wait=False)
            if workflow_id is not None:
                self._run(workflow_id)
            elif not self._sweep():
                return

    # The threads

    def _work(self) -> None:
        while True:
            workflow_id = self._agenda.take()
            if workflow_id is None:
                return
            self._run(workflow_id)

    def _watch(self) -> None:
        monotonic = self._settings.monotonic
        next_sweep = monotonic()
        while not self._stopping.is_set():
            more = self._more_is_due and self._agenda.is_empty()
            if more or monotonic() >= next_sweep:
                self._sweep()
                next_sweep = monotonic() + self._settings.sweep_seconds
            ring = self._agenda.ring()
            pause = next_sweep - monotonic()
            self._agenda.pause(pause if ring is None else min(pause, ring))

    def _keep_leases(self) -> None:
        while not self._stopping.wait(self._settings.lease_seconds / 3):
            self.renew_leases()

    def renew_leases(self) -> None:
        """Renew the leases of all that runs here; what was lost stops at its next commit."""
        with self._runs_lock:
            runs = list(self._runs)
        if not runs:
            return
        try:
            held = self._journal.renew([run.id for run in runs], self.lease)
        except Exception:
            LOG.exception("The leases of %d workflows could not be renewed", len(runs))
            return
        for run in runs:
            run.lost = run.lost or run.id not in held

    def _sweep(self) -> bool:
        """Queue what is due and nobody works on; return whether there was any."""
        limit = min(self._agenda.room(), 4 * self._settings.threads)
        if limit <= 0:
            self._more_is_due = True
            return False
        try:
            due = self._journal.lease_due(self.lease, limit=limit)
        except Exception:
            LOG.exception("The workflows that are due could not be read")
            return False
        self._more_is_due = len(due) == limit
        for workflow_id in due:
            if not self._agenda.add(workflow_id):
                self._give_back(workflow_id)
        return bool(due)

    def _give_back(self, workflow_id: WorkflowId) -> None:
        try:
            self._journal.release(workflow_id, self.lease.owner)
        except Exception:
            LOG.exception("The lease of workflow %s could not be given back", workflow_id)

    # One workflow

    def _run(self, workflow_id: WorkflowId) -> None:
        try:
            while self._run_once(workflow_id).kind is RestKind.AGAIN:
                pass
            self._stumbles.pop(workflow_id, None)
        except Exception as error:
            tries = self._stumbles.get(workflow_id, 0) + 1
            self._stumbles[workflow_id] = tries
            pace = self._settings.pace
            pause = pace.delay(tries) if isinstance(error, Unavailable) else pace.slow
            LOG.exception("Workflow %s stumbled; next try in %s s", workflow_id, pause)
            self._agenda.later(workflow_id, pause)
        finally:
            self._agenda.ended(workflow_id)
            if self._more_is_due and self._agenda.is_empty():
                self._agenda.nudge()

    def _run_once(self, workflow_id: WorkflowId) -> Rest:
        loaded = self._take(workflow_id)
        if loaded is None:
            return Rest(kind=RestKind.LOST)
        workflow = self._workflows.get(loaded.row.kind)
        if workflow is None:
            raise NovaError(f"There is no workflow of the kind {loaded.row.kind!r}.")
        run = _Run(workflow_id)
        halted = self._halted(run)
        with self._runs_lock:
            self._runs.add(run)
        try:
            saga = Saga(self._engine, workflow, loaded, halted=halted)
            rest = saga.run()
        finally:
            with self._runs_lock:
                self._runs.discard(run)
        for woken in saga.woken:
            self.submit(woken)
        if rest.kind is RestKind.LOST:
            # A commit that was repeated after its acknowledgement was lost looks like this too.
            self.submit(workflow_id)
        if rest.kind is RestKind.ASLEEP and rest.wake_in is not None:
            self._set_timer(workflow_id, rest.wake_in)
        return rest

    def _halted(self, run: _Run) -> Callable[[], bool]:
        return lambda: run.lost or self._stopping.is_set()

    def _take(self, workflow_id: WorkflowId) -> Loaded | None:
        """Return the workflow under our lease, or None if it is not for us to run now."""
        loaded = self._journal.load(workflow_id)
        if loaded is None or loaded.row.finished_at is not None:
            return None
        row, now = loaded.row, loaded.now
        if row.leased_by == self.lease.owner and row.lease_until is not None:
            left = (row.lease_until - now).total_seconds()
            if left > self.lease.seconds * 2 / 3:
                return loaded
        elif not _is_called(row, now):
            if row.wake_at is not None:
                self._set_timer(workflow_id, (row.wake_at - now).total_seconds())
            return None
        elif row.lease_until is not None and row.lease_until > now:
            return None
        return self._journal.lease(workflow_id, self.lease)

    def _set_timer(self, workflow_id: WorkflowId, seconds: float) -> None:
        # Longer sleeps are left to the sweep: their timers would outlive their workflows.
        if seconds <= 4 * self._settings.sweep_seconds:
            self._agenda.later(workflow_id, seconds)


def _is_called(row: WorkflowRow, now: dt.datetime) -> bool:
    due = row.wake_at is not None and row.wake_at <= now
    return due or row.inbox is not None or row.interrupt is not None
