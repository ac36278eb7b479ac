"""NumInstancesFilter."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView


class NumInstancesFilter:
    """Hosts with fewer than ``max_instances_per_host`` servers."""

    name: ClassVar[str] = "NumInstancesFilter"

    def passes(self, view: HostView, spec: RequestSpec, settings: SchedulerSettings) -> bool:
        """Tell whether the host has room for one more by number."""
        return view.summary.consumers < settings.max_instances_per_host
