"""Work on servers: one after the other for each server, side by side for different ones.

Messages may come twice, late or out of order; the `Ledger` tells which of them are work.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import enum
import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable

from nova_clone.contracts.compute import Ticket
from nova_clone.contracts.hosts import StepFinished
from nova_clone.domain.errors import Interrupted, NovaError, TryElsewhere, Unavailable

LOG = logging.getLogger(__name__)

#: How many workflows the ledger remembers.
REMEMBERED = 20_000


class Kind(enum.Enum):
    """What an operation does, as far as the order of operations cares."""

    BUILD = "build"
    DESTROY = "destroy"
    POWER = "power"


class Progress:
    """What a running task asks between its stages: may I go on?"""

    def __init__(self) -> None:
        self._stop = threading.Event()

    def checkpoint(self) -> None:
        """Raise `Interrupted` when the work has been overtaken."""
        if self._stop.is_set():
            raise Interrupted

    def pause(self, seconds: float) -> None:
        """Wait for so long; raises `Interrupted` as soon as the work is overtaken."""
        if self._stop.wait(seconds):
            raise Interrupted

    def interrupt(self) -> None:
        """Make the next checkpoint raise."""
        self._stop.set()


#: Does the work and returns how it ended; every error is turned into a `StepFinished`.
Run = Callable[[Progress], StepFinished]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Operation:
    """One piece of work on a server. ``refuse`` words the answer when it is not done.

    ``final`` marks the removal of a server that is being deleted: no build follows it.
    """

    ticket: Ticket
    server_id: str
    kind: Kind
    run: Run
    refuse: Callable[[NovaError], StepFinished]
    final: bool = False
    progress: Progress = dataclasses.field(default_factory=Progress)


class Verdict(enum.Enum):
    """What the ledger says of a ticket."""

    FRESH = "fresh"
    REPEATED = "repeated"
    LATE = "late"


class Ledger:
    """Which tickets have been seen, and how they ended. Not safe for threads by itself.

    Within a workflow a lower epoch than one seen is late, and so is a build whose epoch has
    been destroyed already.
    """

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._flows: OrderedDict[tuple[str, str], _Flow] = OrderedDict()
        self._gone: OrderedDict[str, None] = OrderedDict()

    def removed(self, server_id: str) -> None:
        """Take note that a server is deleted: a build of it that comes now is late."""
        self._gone[server_id] = None
        while len(self._gone) > self._limit:
            self._gone.popitem(last=False)

    def judge(self, ticket: Ticket, server_id: str, kind: Kind) -> Verdict:
        """Take note of a ticket and tell whether it is work."""
        flow = self._flows.setdefault((ticket.workflow_id, server_id), _Flow())
        self._flows.move_to_end((ticket.workflow_id, server_id))
        while len(self._flows) > self._limit:
            self._flows.popitem(last=False)
        step = (ticket.epoch, ticket.step)
        if step in flow.results:
            return Verdict.REPEATED
        if kind is Kind.BUILD and server_id in self._gone:
            return Verdict.LATE
        if ticket.epoch < flow.epoch:
            return Verdict.LATE
        if kind is not Kind.DESTROY and ticket.epoch <= flow.destroyed:
            return Verdict.LATE
        if kind is Kind.DESTROY:
            flow.destroyed = ticket.epoch
        flow.advance(ticket.epoch)
        flow.results[step] = None
        return Verdict.FRESH

    def result(self, ticket: Ticket, server_id: str) -> StepFinished | None:
        """Return how a ticket ended, ``None`` when it has not or is not known."""
        flow = self._flows.get((ticket.workflow_id, server_id))
        return flow.results.get((ticket.epoch, ticket.step)) if flow else None

    def finish(self, result: StepFinished) -> None:
        """Remember how a ticket ended."""
        flow = self._flows.get((result.ticket.workflow_id, result.server_id))
        if flow is not None:
            flow.results[(result.ticket.epoch, result.ticket.step)] = result


class _Flow:
    """What has been seen of one workflow on one server; results of its newest epoch."""

    def __init__(self) -> None:
        self.epoch = -1
        self.destroyed = -1
        self.results: dict[tuple[int, str], StepFinished | None] = {}

    def advance(self, epoch: int) -> None:
        if epoch > self.epoch:
            self.epoch = epoch
            self.results.clear()


class _Lane:
    """The operations of one server."""

    def __init__(self) -> None:
        self.waiting: deque[Operation] = deque()
        self.running: Operation | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """How much is done at a time, and how much may wait."""

    builds: int = 10
    others: int = 32
    waiting: int = 10_000


class Operations:
    """Runs operations under the limits and hands every result to ``report``.

    ``report`` is called in the thread of the operation, after its server is free again.
    """

    def __init__(self, report: Callable[[StepFinished], None], limits: Limits) -> None:
        self._report = report
        self._limits = limits
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._ledger = Ledger()
        self._lanes: dict[str, _Lane] = {}
        self._ready: dict[bool, OrderedDict[str, None]] = {
            True: OrderedDict(),
            False: OrderedDict(),
        }
        self._running: dict[bool, int] = {True: 0, False: 0}
        self._waiting = 0
        self._closed = False
        self._threads = concurrent.futures.ThreadPoolExecutor(
            max_workers=limits.builds + limits.others, thread_name_prefix="operation"
        )

    def busy(self, server_id: str) -> bool:
        """Tell whether something is being done to a server, or about to be."""
        with self._lock:
            return server_id in self._lanes

    def submit(self, operation: Operation) -> Verdict:
        """Take an operation: run it in its turn, repeat its result, or drop it."""
        verdict, answers = self._accept(operation)
        for answer in answers:
            self._report(answer)
        return verdict

    def answer(self, result: StepFinished, kind: Kind) -> None:
        """Answer a ticket that has not been seen without doing its work."""
        with self._lock:
            verdict = self._ledger.judge(result.ticket, result.server_id, kind)
            if verdict is not Verdict.FRESH:
                return
            self._ledger.finish(result)
        self._report(result)

    def _accept(self, operation: Operation) -> tuple[Verdict, list[StepFinished]]:
        ticket, server_id = operation.ticket, operation.server_id
        with self._lock:
            if self._closed:
                return Verdict.FRESH, []
            if self._waiting >= self._limits.waiting and operation.kind is not Kind.DESTROY:
                busy = TryElsewhere if operation.kind is Kind.BUILD else Unavailable
                refusal = operation.refuse(busy("Too much work is waiting on this host."))
                return Verdict.FRESH, [refusal]
            verdict = self._ledger.judge(ticket, server_id, operation.kind)
            if verdict is not Verdict.FRESH:
                LOG.info("%s ticket %s for server %s", verdict.value, ticket, server_id)
                known = self._ledger.result(ticket, server_id)
                return verdict, [] if known is None else [known]
            if operation.final:
                self._ledger.removed(server_id)
            answers = self._overtake(operation) if operation.kind is Kind.DESTROY else []
            lane = self._lanes.setdefault(server_id, _Lane())
            lane.waiting.append(operation)
            self._waiting += 1
            self._make_ready(server_id, lane)
            self._pump()
            return verdict, answers

    def _overtake(self, operation: Operation) -> list[StepFinished]:
        """Stop what runs for the server and drop what waits; a removal comes."""
        lane = self._lanes.get(operation.server_id)
        if lane is None:
            return []
        if lane.running is not None and lane.running.kind is not Kind.DESTROY:
            lane.running.progress.interrupt()
        dropped = [waiting for waiting in lane.waiting if waiting.kind is not Kind.DESTROY]
        for waiting in dropped:
            lane.waiting.remove(waiting)
            self._waiting -= 1
        for ready in self._ready.values():
            ready.pop(operation.server_id, None)
        answers = [waiting.refuse(Interrupted()) for waiting in dropped]
        for answer in answers:
            self._ledger.finish(answer)
        return answers

    def _make_ready(self, server_id: str, lane: _Lane) -> None:
        if lane.running is None and lane.waiting:
            self._ready[lane.waiting[0].kind is Kind.BUILD][server_id] = None

    def _pump(self) -> None:
        for builds, limit in ((True, self._limits.builds), (False, self._limits.others)):
            ready = self._ready[builds]
            while ready and self._running[builds] < limit and not self._closed:
                server_id, _ = ready.popitem(last=False)
                lane = self._lanes[server_id]
                lane.running = lane.waiting.popleft()
                self._waiting -= 1
                self._running[builds] += 1
                self._threads.submit(self._work, lane.running)

    def _work(self, operation: Operation) -> None:
        try:
            result = operation.run(operation.progress)
        # The boundary of the thread: an error that escaped the task must not stop the lane.
        except Exception as error:
            LOG.exception("work on server %s failed", operation.server_id)
            result = operation.refuse(NovaError(type(error).__name__))
        self._done(operation, result)
        self._report(result)

    def _done(self, operation: Operation, result: StepFinished) -> None:
        with self._lock:
            self._ledger.finish(result)
            self._running[operation.kind is Kind.BUILD] -= 1
            lane = self._lanes[operation.server_id]
            lane.running = None
            if lane.waiting:
                self._make_ready(operation.server_id, lane)
            else:
                del self._lanes[operation.server_id]
            self._pump()
            self._idle.notify_all()

    def wait_idle(self, timeout: float | None = None) -> bool:
        """Wait until nothing runs or waits; False when ``timeout`` s were not enough."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._lanes, timeout)

    def close(self, timeout: float) -> bool:
        """Start nothing more and wait ``timeout`` s for what runs; False when some is left.

        What waited is forgotten here: the spool still has it.
        """
        with self._idle:
            self._closed = True
            ended = self._idle.wait_for(lambda: not any(self._running.values()), timeout)
        self._threads.shutdown(wait=ended, cancel_futures=True)
        return ended
