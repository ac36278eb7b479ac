"""``/os-availability-zone``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import falcon

from nova_clone.api.availability_zones import policy
from nova_clone.api.environment import Environment
from nova_clone.api.queries import NO_PARAMETERS
from nova_clone.api.times import plain
from nova_clone.contracts.hosts import ServiceQuery
from nova_clone.domain.host import Service
from nova_clone.web.call import Request

Hosts = dict[str, dict[str, Any]]


class AvailabilityZones:
    """The zones that servers can be in."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List them."""
        NO_PARAMETERS.read(req)
        req.context.policy.allow(policy.LIST)
        services = _services(self._env, req)
        internal = self._env.settings.internal_zone
        resp.media = {
            "availabilityZoneInfo": [
                _zone(name, available=available, hosts=None)
                for name, available in _zones(services).items()
                if name != internal
            ]
        }

    def on_get_detail(self, req: Request, resp: falcon.Response) -> None:
        """List all zones with the services in them."""
        NO_PARAMETERS.read(req)
        req.context.policy.allow(policy.DETAIL)
        services = _services(self._env, req)
        resp.media = {
            "availabilityZoneInfo": [
                _zone(
                    name, available=available, hosts=_hosts(name, services) if available else None
                )
                for name, available in _zones(services).items()
            ]
        }


def _services(env: Environment, req: Request) -> tuple[Service, ...]:
    return env.conductor.list_services(req.context.caller, ServiceQuery()).services


def _zones(services: Iterable[Service]) -> dict[str, bool]:
    """Return every zone, and whether some service in it is enabled; available ones first."""
    found: dict[str, bool] = {}
    for service in services:
        zone = service.availability_zone
        found[zone] = found.get(zone, False) or not service.disabled
    return dict(sorted(found.items(), key=lambda item: (not item[1], item[0])))


def _hosts(zone: str, services: Iterable[Service]) -> Hosts:
    found: Hosts = {}
    for service in services:
        if service.availability_zone == zone and not service.disabled:
            found.setdefault(service.host, {})[service.binary] = {
                "active": True,
                "available": service.up,
                "updated_at": plain(service.last_seen),
            }
    return found


def _zone(name: str, *, available: bool, hosts: Hosts | None) -> dict[str, Any]:
    return {"zoneName": name, "zoneState": {"available": available}, "hosts": hosts}
