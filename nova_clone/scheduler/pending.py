"""Choices that were made a moment ago and that Placement does not show yet.

Without them, parallel requests would all see the same best host and run into it together.
They are hints: when they are lost, only the spread suffers.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

from nova_clone.contracts.placement import ProviderSummary
from nova_clone.contracts.scheduler import HostChoice
from nova_clone.domain.resources import Amounts

#: Seconds after which a choice that was not claimed counts no more.
LIFETIME = 5.0


@dataclasses.dataclass(frozen=True)
class _Choice:
    generation: int
    amounts: Amounts
    until: float


class Pending:
    """Recent choices by host provider. Not thread-safe: its user holds a lock."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._by_provider: dict[str, list[_Choice]] = {}

    def note(self, summary: ProviderSummary, choice: HostChoice) -> None:
        """Remember that a server is about to claim from the host behind `summary`."""
        amounts = choice.allocation.get(summary.id, {})
        made = _Choice(summary.generation, amounts, self._clock() + LIFETIME)
        self._by_provider.setdefault(summary.id, []).append(made)

    def adjusted(self, summary: ProviderSummary) -> ProviderSummary:
        """Return `summary` as it will look once the choices still to be claimed are."""
        waiting = self._waiting(summary)
        if not waiting:
            return summary
        resources = dict(summary.resources)
        for choice in waiting:
            for name, amount in choice.amounts.items():
                if name in resources:
                    capacity, used = resources[name]
                    resources[name] = (capacity, used + amount)
        return dataclasses.replace(
            summary, resources=resources, consumers=summary.consumers + len(waiting)
        )

    def _waiting(self, summary: ProviderSummary) -> list[_Choice]:
        made = self._by_provider.get(summary.id)
        if not made:
            return []
        now = self._clock()
        made = [choice for choice in made if choice.until > now]
        # Each claim moves the provider's generation by one: so many have landed.
        landed = summary.generation - made[0].generation if made else 0
        made = made[max(landed, 0) :]
        if landed > 0:
            made = [dataclasses.replace(one, generation=summary.generation) for one in made]
        if made:
            self._by_provider[summary.id] = made
        else:
            del self._by_provider[summary.id]
        return made
