"""What a filter is."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView

#: Tells whether a server may go to a host.
Predicate = Callable[[HostView], bool]


class Filter(Protocol):
    """One rule by which a host is fit for a server or not."""

    #: The name in ``[filter_scheduler] enabled_filters``.
    name: ClassVar[str]

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Return the rule for one request, or nothing when no host can fail it.

        What depends on the request alone is worked out here, once for all hosts.
        """
