"""Hosts for servers that were asked for together, chosen by one question to the scheduler."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

#: Requests that are remembered at most. What is forgotten is chosen one by one.
CAPACITY = 1000
#: Servers that are asked for with one question at most: an answer is a message of some size.
MOST_TOGETHER = 200
#: Seconds after which nobody waits for the answer to another's question any more.
PATIENCE = 20.0


class _Batch(Generic[T]):
    """The servers of one request, until each has its proposal."""

    def __init__(self, server_ids: Sequence[str]) -> None:
        self.server_ids = tuple(server_ids)
        self.asked = False
        self.answered = threading.Event()
        self.proposals: dict[str, T] = {}


class Proposals(Generic[T]):
    """Proposals by server, kept in memory alone and taken once.

    The first server of a request to ask does so for all; the others wait for that answer.
    Without a proposal (after a restart, or when the common question failed) a server's own
    workflow chooses for it.
    """

    def __init__(self, *, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._by_server: OrderedDict[str, _Batch[T]] = OrderedDict()

    def announce(self, server_ids: Sequence[str]) -> None:
        """Remember that these servers were asked for together."""
        if len(server_ids) < 2:
            return
        with self._lock:
            for start in range(0, len(server_ids), MOST_TOGETHER):
                together = server_ids[start : start + MOST_TOGETHER]
                self._by_server.update(dict.fromkeys(together, _Batch[T](together)))
            while len(self._by_server) > CAPACITY:
                self._by_server.popitem(last=False)

    def take(self, server_id: str, ask: Callable[[tuple[str, ...]], Sequence[T]]) -> T | None:
        """Return what was proposed for a server, ``None`` if it has to be asked for alone.

        `ask` is called, outside any lock, by the first who comes; what it raises is raised.
        """
        with self._lock:
            batch = self._by_server.pop(server_id, None)
            if batch is None:
                return None
            first, batch.asked = not batch.asked, True
        if first:
            try:
                # Fewer than asked for when they could not be answered together.
                batch.proposals = dict(zip(batch.server_ids, ask(batch.server_ids), strict=False))
            finally:
                batch.answered.set()
        elif not batch.answered.wait(self._patience):
            return None
        return batch.proposals.get(server_id)
