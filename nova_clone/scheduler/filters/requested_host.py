"""RequestedHostFilter."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.base import Predicate
from nova_clone.scheduler.settings import SchedulerSettings


class RequestedHostFilter:
    """The one host that the request names, if it names one. Always on."""

    name: ClassVar[str] = "RequestedHostFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern requests with a forced or requested host or node."""
        host = spec.forced_host or spec.requested_host
        node = spec.forced_node or spec.requested_node
        if host is None and node is None:
            return None
        return lambda view: host in (None, view.record.host) and node in (None, view.record.node)
