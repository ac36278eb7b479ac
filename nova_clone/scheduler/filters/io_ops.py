"""IoOpsFilter."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView


class IoOpsFilter:
    """Hosts with fewer than ``max_io_ops_per_host`` servers being built or moved."""

    name: ClassVar[str] = "IoOpsFilter"

    def passes(self, view: HostView, spec: RequestSpec, settings: SchedulerSettings) -> bool:
        """Tell whether the host is not too busy."""
        return view.building < settings.max_io_ops_per_host
