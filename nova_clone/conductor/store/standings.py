"""How compute hosts stand: their zone, and whether their service answers."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from nova_clone.conductor.store.columns import utc_now
from nova_clone.conductor.store.session import Session
from nova_clone.conductor.store.tables import cell, global_

COMPUTE = "nova-compute"
ZONE_KEY = "availability_zone"

_S = cell.services.c
_MEMBER, _ITEM = global_.aggregate_hosts.c, global_.aggregate_metadata.c
_HOSTS: sa.BindParameter[Any] = sa.bindparam("hosts", expanding=True)
_ZONES = (
    sa.select(_MEMBER.host, _ITEM.value)
    .join_from(
        global_.aggregate_hosts,
        global_.aggregate_metadata,
        _MEMBER.aggregate_id == _ITEM.aggregate_id,
    )
    .where(_ITEM.key == ZONE_KEY)
)
_ZONES_OF = _ZONES.where(_MEMBER.host.in_(_HOSTS))
# The clock comes along: reading it by itself would be one more statement.
_SERVICES_OF = sa.select(
    _S.host, _S.disabled, _S.forced_down, _S.last_seen, utc_now().label("clock")
).where(_S.binary == COMPUTE, _S.host.in_(_HOSTS))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Standing:
    """One compute host at a moment."""

    zone: str
    status: str
    up: bool
    disabled: bool


def is_up(session: Session, *, forced_down: bool, last_seen: dt.datetime | None) -> bool:
    """Tell whether a service was heard of within ``service_down_time``."""
    if forced_down or last_seen is None:
        return False
    silence = abs((session.now() - last_seen).total_seconds())
    return silence <= session.settings.service_down_time


def zones(session: Session, hosts: Collection[str] | None = None) -> dict[str, str]:
    """Return the zones that aggregates give to hosts (``None``: to every host)."""
    if hosts is None:
        return dict(session.global_db.execute(_ZONES).all())
    return dict(session.global_db.execute(_ZONES_OF, {"hosts": tuple(hosts)}).all())


def standings(session: Session, hosts: Collection[str]) -> dict[str, Standing]:
    """Return how each of `hosts` stands."""
    if not hosts:
        return {}
    rows = session.cell_db.execute(_SERVICES_OF, {"hosts": tuple(hosts)}).all()
    if rows:
        session.clock_read(rows[0].clock)
    services = {row.host: row for row in rows}
    zoned = zones(session, hosts)
    return {host: _standing(session, services.get(host), zoned.get(host)) for host in hosts}


def _standing(session: Session, service: Any | None, zone: str | None) -> Standing:
    zone = zone or session.settings.default_zone
    if service is None:
        return Standing(zone=zone, status="UNKNOWN", up=False, disabled=False)
    up = is_up(session, forced_down=service.forced_down, last_seen=service.last_seen)
    status = "UP" if up else "UNKNOWN"
    if service.forced_down:
        status = "DOWN"
    if service.disabled:
        status = "MAINTENANCE"
    return Standing(zone=zone, status=status, up=up, disabled=service.disabled)
