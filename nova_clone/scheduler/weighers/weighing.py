"""From scores to weights: each is normalised over the hosts, multiplied, and added up."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence

from nova_clone.domain.host import Aggregate
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView
from nova_clone.scheduler.weighers.base import Score, Weigher


class Ranking:
    """The weights of hosts, kept right while single hosts change or leave.

    ``views`` and ``weights`` go together by position; higher is better.
    """

    def __init__(
        self,
        views: Sequence[HostView],
        spec: RequestSpec,
        settings: SchedulerSettings,
        weighers: Iterable[Weigher],
    ) -> None:
        self.views = list(views)
        self._scales = list(_scales(self.views, spec, settings, weighers))
        self.weights = self._weights()

    def change(self, position: int, view: HostView) -> None:
        """Weigh one host anew, as it is in `view`."""
        self.views[position] = view
        moved = [scale.change(position, view) for scale in self._scales]
        if any(moved):
            self.weights = self._weights()
        else:
            self.weights[position] = self._weight(position)

    def drop(self, position: int) -> None:
        """Leave one host out; those behind it move up."""
        del self.views[position], self.weights[position]
        moved = [scale.drop(position) for scale in self._scales]
        if any(moved):
            self.weights = self._weights()

    def _weights(self) -> list[float]:
        totals = [0.0] * len(self.views)
        for scale in self._scales:
            span = scale.high - scale.low
            if span:
                low, factors = scale.low, scale.factors
                totals = [
                    total + factor * ((score - low) / span)
                    for total, factor, score in zip(totals, factors, scale.scores, strict=True)
                ]
        return totals

    def _weight(self, position: int) -> float:
        total = 0.0
        for scale in self._scales:
            span = scale.high - scale.low
            if span:
                total += scale.factors[position] * ((scale.scores[position] - scale.low) / span)
        return total


@dataclasses.dataclass(kw_only=True)
class _Scale:
    """One weigher's scores and multipliers by position, and the least and greatest score."""

    score: Score
    scores: list[float]
    factors: list[float]
    floor: float | None = None
    low: float = 0.0
    high: float = 0.0

    def __post_init__(self) -> None:
        self._measure()

    def _measure(self) -> bool:
        before = (self.low, self.high)
        self.low, self.high = min(self.scores, default=0.0), max(self.scores, default=0.0)
        if self.floor is not None:
            self.low = min(self.low, self.floor)
        return before != (self.low, self.high)

    def change(self, position: int, view: HostView) -> bool:
        """Take a host's new score; tell whether that moves all others."""
        before = self.scores[position]
        after = self.scores[position] = self.score(view)
        if before == after or (self.low < before < self.high and self.low <= after <= self.high):
            return False
        return self._measure()

    def drop(self, position: int) -> bool:
        """Leave a host out; tell whether that moves all others."""
        del self.factors[position]
        gone = self.scores.pop(position)
        return not self.low < gone < self.high and self._measure()


def _scales(
    views: Sequence[HostView],
    spec: RequestSpec,
    settings: SchedulerSettings,
    weighers: Iterable[Weigher],
) -> Iterator[_Scale]:
    overrides = _Overrides(views)
    for weigher in weighers:
        default = settings.weight_multipliers.get(weigher.multiplier, weigher.default)
        overridden = overrides.has(weigher.multiplier)
        score = weigher.prepare(spec, settings) if default or overridden else None
        if score is None:
            continue
        factors = [default] * len(views)
        if overridden:
            factors = [overrides.of(view, weigher.multiplier, default) for view in views]
        scores = [score(view) for view in views]
        yield _Scale(score=score, scores=scores, factors=factors, floor=weigher.floor)


class _Overrides:
    """Multipliers that aggregates of these hosts set for them."""

    def __init__(self, views: Iterable[HostView]) -> None:
        named: dict[int, Aggregate] = {
            aggregate.id: aggregate for view in views for aggregate in view.aggregates
        }
        self._keys = {key for aggregate in named.values() for key in aggregate.metadata}

    def has(self, key: str) -> bool:
        return key in self._keys

    def of(self, view: HostView, key: str, default: float) -> float:
        """Return the least value that the host's aggregates have; `default` if none is usable."""
        values = [_number(text) for text in view.aggregate_values(key)]
        usable = [value for value in values if value is not None]
        return min(usable) if usable and len(usable) == len(values) else default


def _number(text: str) -> float | None:
    with contextlib.suppress(ValueError):
        value = float(text)
        if math.isfinite(value):
            return value
    return None
