"""IsolatedHostsFilter."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.base import Predicate
from nova_clone.scheduler.settings import SchedulerSettings


class IsolatedHostsFilter:
    """Isolated hosts for isolated images, the others for the others.

    Other images may use isolated hosts, too, unless
    ``restrict_isolated_hosts_to_isolated_images`` is set.
    """

    name: ClassVar[str] = "IsolatedHostsFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern isolated images, and all when isolated hosts are restricted to them."""
        hosts = settings.isolated_hosts
        if spec.image_id in settings.isolated_images:
            return lambda view: view.host in hosts
        if hosts and settings.restrict_isolated_hosts_to_isolated_images:
            return lambda view: view.host not in hosts
        return None
