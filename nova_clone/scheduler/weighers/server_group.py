"""ServerGroupSoftAffinityWeigher and ServerGroupSoftAntiAffinityWeigher."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.weighers.base import Score


class ServerGroupSoftAffinityWeigher:
    """Prefers hosts with more of the group's servers, for policy ``soft-affinity``."""

    name: ClassVar[str] = "ServerGroupSoftAffinityWeigher"
    multiplier: ClassVar[str] = "soft_affinity_weight_multiplier"
    default: ClassVar[float] = 1.0
    floor: ClassVar[float | None] = None

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Score | None:
        """Concern groups of the policy that have members."""
        group = spec.group
        if group is None or group.policy != "soft-affinity" or not group.members:
            return None
        members = group.members
        return lambda view: members.get(view.host, 0)


class ServerGroupSoftAntiAffinityWeigher:
    """Prefers hosts with fewer of the group's servers, for policy ``soft-anti-affinity``."""

    name: ClassVar[str] = "ServerGroupSoftAntiAffinityWeigher"
    multiplier: ClassVar[str] = "soft_anti_affinity_weight_multiplier"
    default: ClassVar[float] = 1.0
    floor: ClassVar[float | None] = None

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Score | None:
        """Concern groups of the policy that have members."""
        group = spec.group
        if group is None or group.policy != "soft-anti-affinity" or not group.members:
            return None
        members = group.members
        return lambda view: -members.get(view.host, 0)
