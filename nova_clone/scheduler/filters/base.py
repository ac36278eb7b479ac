"""What a filter is."""

from __future__ import annotations

from typing import ClassVar, Protocol

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView


class Filter(Protocol):
    """One rule by which a host is fit for a server or not."""

    #: The name in ``[filter_scheduler] enabled_filters``.
    name: ClassVar[str]

    def passes(self, view: HostView, spec: RequestSpec, settings: SchedulerSettings) -> bool:
        """Tell whether the server may go to the host."""
