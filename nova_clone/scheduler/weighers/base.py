"""What a weigher is."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView

#: How good a host is, in any unit: larger is better.
Score = Callable[[HostView], float]


class Weigher(Protocol):
    """One reason to prefer a host to another."""

    #: The class name, as at the end of a path in ``[filter_scheduler] weight_classes``.
    name: ClassVar[str]
    #: The option that holds the multiplier, and the aggregate metadata that overrides it.
    multiplier: ClassVar[str]
    default: ClassVar[float]
    #: What counts as 0 on the scale, when no score is less; ``None``: the least score.
    floor: ClassVar[float | None]

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Score | None:
        """Return the score for one request, or nothing when all hosts are alike to it."""
