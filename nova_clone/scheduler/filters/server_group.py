"""ServerGroupAffinityFilter and ServerGroupAntiAffinityFilter."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView


class ServerGroupAffinityFilter:
    """Hosts where a group's servers are already, for policy ``affinity``."""

    name: ClassVar[str] = "ServerGroupAffinityFilter"

    def passes(self, view: HostView, spec: RequestSpec, settings: SchedulerSettings) -> bool:
        """Tell whether the host keeps the group together."""
        group = spec.group
        if group is None or group.policy != "affinity" or not group.members:
            return True
        return view.host in group.members


class ServerGroupAntiAffinityFilter:
    """Hosts with fewer of a group's servers than allowed, for policy ``anti-affinity``."""

    name: ClassVar[str] = "ServerGroupAntiAffinityFilter"

    def passes(self, view: HostView, spec: RequestSpec, settings: SchedulerSettings) -> bool:
        """Tell whether the host keeps the group apart."""
        group = spec.group
        if group is None or group.policy != "anti-affinity":
            return True
        return group.members.get(view.host, 0) < group.max_per_host
