"""Choices that were made a moment ago and that Placement does not show yet.

Without them, parallel requests would all see the same best host and run into it together.
They are hints: when they are lost, only the spread suffers.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

from nova_clone.contracts.scheduler import HostChoice
from nova_clone.domain.resources import Amounts
from nova_clone.scheduler.snapshot import HostView

#: Seconds after which a choice that was not claimed counts no more.
LIFETIME = 5.0


@dataclasses.dataclass(frozen=True)
class _Choice:
    amounts: Amounts
    until: float


@dataclasses.dataclass
class _Waiting:
    """A host's choices, oldest first, and the generation of its provider before them."""

    generation: int
    choices: deque[_Choice] = dataclasses.field(default_factory=deque)


class Pending:
    """Recent choices by host provider. Safe to use from several threads."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._by_provider: dict[str, _Waiting] = {}

    def note(self, view: HostView, choice: HostChoice) -> None:
        """Remember that a server is about to claim from the host that looked like `view`."""
        provider_id = choice.provider_id
        made = _Choice(choice.allocation.get(provider_id, {}), self._clock() + LIFETIME)
        with self._lock:
            waiting = self._by_provider.setdefault(
                provider_id, _Waiting(generation=view.summary.generation)
            )
            waiting.choices.append(made)

    def overlay(self, views: Mapping[str, HostView]) -> dict[str, HostView]:
        """Return the hosts with choices still to be claimed, as they will be after that."""
        with self._lock:
            now = self._clock()
            found = {}
            for provider_id, waiting in list(self._by_provider.items()):
                view = views.get(provider_id)
                _settle(waiting, view, now)
                if not waiting.choices:
                    del self._by_provider[provider_id]
                elif view is not None:
                    found[provider_id] = view.taking(each.amounts for each in waiting.choices)
        return found


def _settle(waiting: _Waiting, view: HostView | None, now: float) -> None:
    """Forget choices that are too old, and those that were claimed by now."""
    choices = waiting.choices
    # Each claim moves the provider's generation by one: so many have landed.
    landed = view.summary.generation - waiting.generation if view is not None else 0
    while choices and (landed > 0 or choices[0].until <= now):
        choices.popleft()
        landed -= 1
    if view is not None:
        waiting.generation = max(waiting.generation, view.summary.generation)
