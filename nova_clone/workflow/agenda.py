"""Which workflows this process has to run now or soon, each at most once at a time."""

from __future__ import annotations

import collections
import heapq
import threading
import time
from collections.abc import Callable

from nova_clone.domain.identity import WorkflowId


class Agenda:
    """A bounded queue without duplicates, with timers, and with a note of what runs.

    What is added while it runs is queued again when it ends. ``monotonic`` is the clock of
    the timers, in seconds.
    """

    def __init__(self, *, capacity: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._capacity = capacity
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._tick = threading.Condition(self._lock)
        self._queue: collections.deque[WorkflowId] = collections.deque()
        self._queued: set[WorkflowId] = set()
        self._running: set[WorkflowId] = set()
        self._again: set[WorkflowId] = set()
        self._timers: list[tuple[float, WorkflowId]] = []
        self._due: dict[WorkflowId, float] = {}
        self._ticked = False
        self._closed = False

    def add(self, workflow_id: WorkflowId) -> bool:
        """Queue a workflow; False if the queue is full or closed."""
        with self._lock:
            if self._closed:
                return False
            if workflow_id in self._running:
                self._again.add(workflow_id)
                return True
            if workflow_id in self._queued:
                return True
            if len(self._queue) >= self._capacity:
                return False
            self._push(workflow_id)
            return True

    def later(self, workflow_id: WorkflowId, seconds: float) -> None:
        """Queue a workflow after so many seconds, instead of any time set before."""
        with self._lock:
            due = self._monotonic() + seconds
            self._due[workflow_id] = due
            heapq.heappush(self._timers, (due, workflow_id))
            self._signal()

    def take(self, *, wait: bool = True) -> WorkflowId | None:
        """Return what to run next and note that it runs; None when closed (or empty)."""
        with self._lock:
            while not self._queue and wait and not self._closed:
                self._work.wait()
            if self._closed or not self._queue:
                return None
            workflow_id = self._queue.popleft()
            self._queued.discard(workflow_id)
            self._due.pop(workflow_id, None)
            self._running.add(workflow_id)
            return workflow_id

    def ended(self, workflow_id: WorkflowId) -> None:
        """Note that a workflow runs no longer."""
        with self._lock:
            self._running.discard(workflow_id)
            if workflow_id in self._again and not self._closed:
                self._push(workflow_id)
            self._again.discard(workflow_id)

    def ring(self) -> float | None:
        """Queue what is due by its timer; return the seconds until the next one is."""
        with self._lock:
            now = self._monotonic()
            while self._timers:
                due, workflow_id = self._timers[0]
                current = self._due.get(workflow_id) == due
                if current and (due > now or len(self._queue) >= self._capacity):
                    return max(0.0, due - now)
                heapq.heappop(self._timers)
                if current:
                    del self._due[workflow_id]
                    self._push(workflow_id)
            return None

    def pause(self, seconds: float) -> None:
        """Wait for so many seconds, or until a timer is set or `nudge` or `close` called."""
        with self._lock:
            if not self._ticked and not self._closed and seconds > 0:
                self._tick.wait(seconds)
            self._ticked = False

    def nudge(self) -> None:
        """End the present or next `pause`."""
        with self._lock:
            self._signal()

    def room(self) -> int:
        """Return how many more workflows fit into the queue."""
        with self._lock:
            return 0 if self._closed else self._capacity - len(self._queue)

    def is_empty(self) -> bool:
        """Return whether nothing is queued."""
        with self._lock:
            return not self._queue

    def close(self) -> list[WorkflowId]:
        """Let every `take` and `pause` return, and give back what was not begun."""
        with self._lock:
            left = list(self._queue)
            self._closed = True
            self._queue.clear()
            self._queued.clear()
            self._timers.clear()
            self._due.clear()
            self._work.notify_all()
            self._signal()
            return left

    def _push(self, workflow_id: WorkflowId) -> None:
        if workflow_id in self._running:
            self._again.add(workflow_id)
            return
        if workflow_id not in self._queued:
            self._queue.append(workflow_id)
            self._queued.add(workflow_id)
            self._work.notify()

    def _signal(self) -> None:
        self._ticked = True
        self._tick.notify_all()
