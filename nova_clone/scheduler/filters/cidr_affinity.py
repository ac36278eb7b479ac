"""SimpleCIDRAffinityFilter."""

from __future__ import annotations

import ipaddress
from typing import ClassVar

from nova_clone.domain.errors import Invalid
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.base import Predicate
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class SimpleCIDRAffinityFilter:
    """Hosts whose address is in the network of the hints ``build_near_host_ip`` and ``cidr``."""

    name: ClassVar[str] = "SimpleCIDRAffinityFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern requests with the hint ``build_near_host_ip``. `Invalid`: it is no address."""
        near = spec.hints.get("build_near_host_ip")
        if not near:
            return None
        network = _network(near[0], spec.hints.get("cidr", ("/24",))[0])
        return lambda view: _within(view, network)


def _network(address: str, prefix: str) -> Network:
    try:
        return ipaddress.ip_network(f"{address}/{prefix.removeprefix('/')}", strict=False)
    except ValueError as error:
        raise Invalid(f"The scheduler hints do not name a network: {error}") from error


def _within(view: HostView, network: Network) -> bool:
    try:
        return ipaddress.ip_address(view.record.host_ip or "") in network
    except ValueError:
        return False
