"""ServerGroupAffinityFilter and ServerGroupAntiAffinityFilter."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.base import Predicate
from nova_clone.scheduler.settings import SchedulerSettings


class ServerGroupAffinityFilter:
    """Hosts where a group's servers are already, for policy ``affinity``."""

    name: ClassVar[str] = "ServerGroupAffinityFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern groups with members; the first may go anywhere."""
        group = spec.group
        if group is None or group.policy != "affinity" or not group.members:
            return None
        members = group.members
        return lambda view: view.host in members


class ServerGroupAntiAffinityFilter:
    """Hosts with fewer of a group's servers than allowed, for policy ``anti-affinity``."""

    name: ClassVar[str] = "ServerGroupAntiAffinityFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern groups of the policy that have members."""
        group = spec.group
        if group is None or group.policy != "anti-affinity":
            return None
        full = {host for host, count in group.members.items() if count >= group.max_per_host}
        if not full:
            return None
        return lambda view: view.host not in full
