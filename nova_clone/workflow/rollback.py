"""An undo stack for work inside one process; durable work is undone by its journal instead."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

LOG = logging.getLogger(__name__)


class Rollback:
    """Undo what was pushed, last first, unless `commit` was called before the block ends.

    Every undo runs, whatever the others do. Their errors are logged, kept in ``errors`` and
    added as notes to the error that caused the rollback.
    """

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self._undos: list[tuple[Callable[..., object], tuple[Any, ...], dict[str, Any]]] = []

    def push(self, undo: Callable[..., object], /, *args: Any, **kwargs: Any) -> None:
        """Remember to call ``undo`` with these arguments."""
        self._undos.append((undo, args, kwargs))

    def commit(self) -> None:
        """Keep what was done: forget every undo."""
        self._undos.clear()

    def run(self) -> None:
        """Call every undo now, last first."""
        while self._undos:
            undo, args, kwargs = self._undos.pop()
            try:
                undo(*args, **kwargs)
            except Exception as error:
                LOG.exception("Could not undo with %s", getattr(undo, "__qualname__", undo))
                self.errors.append(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.run()
        if error is not None:
            for lost in self.errors:
                error.add_note(f"Could not undo: {lost!r}")
