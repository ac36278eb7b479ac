"""The test door of the fake driver: verbs that fail or wait on demand.

Inside one process a test calls `Faults.fail` and `Faults.block`. From another process it
puts files into the faults directory: ``fail.<verb>`` with the text ``ErrorClass: message``
makes the next such verb raise (the file is used up); a FIFO ``hold.<verb>`` makes the verb
wait until whoever opens it for writing closes it, once for each time it is opened.
"""

from __future__ import annotations

import contextlib
import threading
from collections import defaultdict, deque
from pathlib import Path

from nova_clone.domain import errors


class Gate:
    """Where a blocked verb waits: ``reached`` tells that it is there, `open` lets it go."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._opened = threading.Event()

    def open(self) -> None:
        """Let whoever waits here, or will, go on."""
        self._opened.set()

    def wait(self) -> None:
        """Wait until somebody opens the gate."""
        self.reached.set()
        self._opened.wait()


class Faults:
    """Which verbs are to fail or to wait."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._failures: dict[str, deque[Exception]] = defaultdict(deque)
        self._gates: dict[str, deque[Gate]] = defaultdict(deque)

    def fail(self, verb: str, error: Exception, *, times: int = 1) -> None:
        """Make the next ``times`` calls of a verb raise ``error``."""
        with self._lock:
            self._failures[verb].extend([error] * times)

    def block(self, verb: str) -> Gate:
        """Make the next call of a verb wait at the gate that is returned."""
        gate = Gate()
        with self._lock:
            self._gates[verb].append(gate)
        return gate

    def meet(self, verb: str) -> None:
        """Wait and fail as was asked for this verb; called by the driver at its start."""
        with self._lock:
            gate = self._gates[verb].popleft() if self._gates[verb] else None
        if gate is not None:
            gate.wait()
        with self._lock:
            error = self._failures[verb].popleft() if self._failures[verb] else None
        if error is not None:
            raise error
        if self._directory is not None:
            self._meet_files(self._directory, verb)

    def _meet_files(self, directory: Path, verb: str) -> None:
        hold = directory / f"hold.{verb}"
        # Whoever holds may let go between the two.
        with contextlib.suppress(FileNotFoundError):
            if hold.is_fifo():
                hold.read_bytes()
        ordered = directory / f"fail.{verb}"
        try:
            text = ordered.read_text()
            ordered.unlink()
        except FileNotFoundError:
            return
        name, _, message = text.strip().partition(": ")
        raise errors.error_classes().get(name, RuntimeError)(message)
