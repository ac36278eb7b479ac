"""From scores to weights: each is normalised over the hosts, multiplied, and added up."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Sequence

from nova_clone.domain.host import Aggregate
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView
from nova_clone.scheduler.weighers import WEIGHERS
from nova_clone.scheduler.weighers.base import Weigher


def weigh(
    views: Sequence[HostView],
    spec: RequestSpec,
    settings: SchedulerSettings,
    weighers: Iterable[Weigher] = tuple(WEIGHERS.values()),
) -> dict[str, float]:
    """Return each host's weight, by host name; higher is better."""
    totals = [0.0] * len(views)
    overrides = _Overrides(views)
    for weigher in weighers:
        default = settings.weight_multipliers.get(weigher.multiplier, weigher.default)
        overridden = overrides.has(weigher.multiplier)
        if not default and not overridden:
            continue
        score = weigher.prepare(spec, settings)
        if score is None:
            continue
        for index, share in enumerate(normalised([score(view) for view in views])):
            if share:
                view = views[index]
                factor = overrides.of(view, weigher.multiplier, default) if overridden else default
                totals[index] += factor * share
    return {view.host: total for view, total in zip(views, totals, strict=True)}


def normalised(scores: Sequence[float]) -> Sequence[float]:
    """Return the scores on a scale from 0, the least, to 1. All are 0 when all are equal."""
    low, high = min(scores, default=0.0), max(scores, default=0.0)
    if high == low:
        return [0.0] * len(scores)
    span = high - low
    return [(score - low) / span for score in scores]


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
