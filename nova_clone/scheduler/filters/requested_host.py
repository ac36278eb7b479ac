"""RequestedHostFilter."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView


class RequestedHostFilter:
    """The one host that the request names, if it names one. Always on."""

    name: ClassVar[str] = "RequestedHostFilter"

    def passes(self, view: HostView, spec: RequestSpec, settings: SchedulerSettings) -> bool:
        """Tell whether the host is the requested one."""
        host = spec.forced_host or spec.requested_host
        node = spec.forced_node or spec.requested_node
        return (host is None or host == view.record.host) and (
            node is None or node == view.record.node
        )
