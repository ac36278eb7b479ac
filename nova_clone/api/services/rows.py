"""Services as every version shows them."""

from __future__ import annotations

from typing import Final

from nova_clone.api.times import plain
from nova_clone.domain.host import Service
from nova_clone.web.rows import Row, Rows
from nova_clone.web.versions import between

_SR = Row[Service, None]

SERVICE: Final = Rows[Service, None](
    _SR("id", lambda service, _: service.number, between(until="2.52")),
    _SR("id", lambda service, _: service.id, between("2.53")),
    _SR("binary", lambda service, _: service.binary),
    _SR("host", lambda service, _: service.host),
    _SR("zone", lambda service, _: service.availability_zone),
    _SR("status", lambda service, _: status_of(service)),
    _SR("state", lambda service, _: state_of(service)),
    _SR("updated_at", lambda service, _: plain(service.last_seen or service.updated_at)),
    _SR("disabled_reason", lambda service, _: service.disabled_reason),
    _SR("forced_down", lambda service, _: service.forced_down, between("2.11")),
)


def status_of(service: Service) -> str:
    """Return whether a service is to be used."""
    return "disabled" if service.disabled else "enabled"


def state_of(service: Service) -> str:
    """Return whether a service answers."""
    return "up" if service.up else "down"
