"""ComputeFilter."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView


class ComputeFilter:
    """Hosts whose compute service is enabled and answers."""

    name: ClassVar[str] = "ComputeFilter"

    def passes(self, view: HostView, spec: RequestSpec, settings: SchedulerSettings) -> bool:
        """Tell whether the host's service is there."""
        return view.up and not view.record.disabled
