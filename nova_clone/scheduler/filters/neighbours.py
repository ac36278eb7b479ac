"""DifferentHostFilter and SameHostFilter."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.base import Predicate
from nova_clone.scheduler.settings import SchedulerSettings


class DifferentHostFilter:
    """Hosts that run none of the servers of the hint ``different_host``."""

    name: ClassVar[str] = "DifferentHostFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern requests whose hint names a server that is on some host."""
        taken = _hosts(spec, "different_host")
        if not taken:
            return None
        return lambda view: view.host not in taken


class SameHostFilter:
    """Hosts that run one of the servers of the hint ``same_host``."""

    name: ClassVar[str] = "SameHostFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern requests with the hint; servers that are nowhere leave no host."""
        if not spec.hints.get("same_host"):
            return None
        wanted = _hosts(spec, "same_host")
        return lambda view: view.host in wanted


def _hosts(spec: RequestSpec, hint: str) -> frozenset[str]:
    named = spec.hints.get(hint, ())
    return frozenset(spec.hinted_hosts[id_] for id_ in named if id_ in spec.hinted_hosts)
