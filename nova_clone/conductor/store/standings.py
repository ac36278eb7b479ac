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
    member, item = global_.aggregate_hosts.c, global_.aggregate_metadata.c
    query = (
        sa.select(member.host, item.value)
        .join_from(
            global_.aggregate_hosts,
            global_.aggregate_metadata,
            member.aggregate_id == item.aggregate_id,
        )
        .where(item.key == ZONE_KEY)
    )
    if hosts is not None:
        query = query.where(member.host.in_(tuple(hosts)))
    return dict(session.global_db.execute(query).all())


def standings(session: Session, hosts: Collection[str]) -> dict[str, Standing]:
    """Return how each of `hosts` stands."""
    if not hosts:
        return {}
    table = cell.services.c
    # The clock comes along: reading it by itself would be one more statement.
    rows = session.cell_db.execute(
        sa.select(
            table.host,
            table.disabled,
            table.forced_down,
            table.last_seen,
            utc_now().label("clock"),
        ).where(table.binary == COMPUTE, table.host.in_(tuple(hosts)))
    ).all()
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
