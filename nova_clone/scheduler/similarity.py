"""What ImagePropertiesWeigher needs to know, asked for only where it counts."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping

from nova_clone.contracts.conductor import ConductorContract
from nova_clone.contracts.hosts import SimilarServersQuery
from nova_clone.domain.host import Aggregate
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.weighers import enabled
from nova_clone.scheduler.weighers.image_properties import ImagePropertiesWeigher

#: Seconds for which an answer is good enough: counting reads every server there is.
FRESH = 1.0
#: How many answers are kept.
KEPT = 64

_Counts = Mapping[str, Mapping[str, int]]
_Properties = tuple[tuple[str, str], ...]


class Similarity:
    """Which hosts have servers with similar images. Safe to use from several threads."""

    def __init__(
        self,
        settings: SchedulerSettings,
        conductor: ConductorContract,
        *,
        fresh: float = FRESH,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        multiplier = ImagePropertiesWeigher.multiplier
        self._counts = any(weigher.multiplier == multiplier for weigher in enabled(settings))
        self._always = bool(settings.weight_multipliers.get(multiplier, 0.0))
        self._named = settings.image_props_weight_setting
        self._conductor = conductor
        self._fresh = fresh
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[_Properties, tuple[float, _Counts]] = OrderedDict()

    def told(
        self, context: RequestContext, spec: RequestSpec, aggregates: Iterable[Aggregate]
    ) -> RequestSpec:
        """Return the request with ``similar_servers``, if somebody wants to know.

        Raises `Unavailable` when the conductor does not answer.
        """
        if not self._wanted(aggregates):
            return spec
        properties = tuple(
            sorted(
                (name, value)
                for name, value in spec.image_properties.items()
                if value and (not self._named or self._named.get(name))
            )
        )
        if not properties:
            return spec
        return dataclasses.replace(spec, similar_servers=self._ask(context, properties))

    def _wanted(self, aggregates: Iterable[Aggregate]) -> bool:
        key = ImagePropertiesWeigher.multiplier
        return self._counts and (
            self._always or any(key in aggregate.metadata for aggregate in aggregates)
        )

    def _ask(self, context: RequestContext, properties: _Properties) -> _Counts:
        with self._lock:
            until, counts = self._known.get(properties, (0.0, {}))
        if self._clock() < until:
            return counts
        query = SimilarServersQuery(properties=dict(properties))
        counts = self._conductor.similar_servers(context, query).hosts
        with self._lock:
            self._known[properties] = (self._clock() + self._fresh, counts)
            self._known.move_to_end(properties)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return counts
