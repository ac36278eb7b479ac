"""Hosts: their services, their compute nodes, and the feed that schedulers follow."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from nova_clone.conductor.store.aggregates import AggregateRepository
from nova_clone.conductor.store.compute_nodes import ComputeNodeRecords
from nova_clone.conductor.store.encoding import ANYTHING, HARDWARE, METRICS, TRIPLES
from nova_clone.conductor.store.placings import used
from nova_clone.conductor.store.sequence import HORIZON
from nova_clone.conductor.store.services import N, S
from nova_clone.conductor.store.session import Session, TableSet
from nova_clone.conductor.store.similarity import similar_servers
from nova_clone.conductor.store.standings import COMPUTE, zones
from nova_clone.conductor.store.tables import cell, global_
from nova_clone.contracts.hosts import HostFeed, HostRecord
from nova_clone.domain.server.status import VmState

#: A feed's number is two counters in one: aggregates above, hosts in the low bits.
_HOST_BITS = 32
#: So many names fit into a query.
_FEW = 500
_NODE = (
    N.host,
    N.hypervisor_hostname,
    N.id,
    N.hypervisor_type,
    N.hypervisor_version,
    N.supported,
    N.failed_builds,
    N.host_ip,
    N.cpu_info,
    N.hardware,
    N.placings,
    N.metrics,
)
_NODES = sa.select(*_NODE).order_by(N.number)
_DOWN = (
    sa.select(S.host)
    .where(
        S.binary == COMPUTE,
        # Those forced down are told as such, each with its record: with them, every service
        # would have to be read.
        sa.or_(S.last_seen.is_(None), S.last_seen < sa.bindparam("heard_before")),
    )
    .order_by(S.host)
)
_BUILDING = cell.servers.c
_BUSY = (
    sa.select(_BUILDING.host, sa.func.count())
    .where(
        # ``IS false`` would keep MariaDB from its index, and have it read every server that
        # ever was.
        _BUILDING.deleted == sa.false(),
        _BUILDING.vm_state == VmState.BUILDING.value,
        _BUILDING.host.is_not(None),
    )
    .group_by(_BUILDING.host)
)


class HostRepository(ComputeNodeRecords):
    """Everything about hosts in the cell."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def zones(self) -> dict[str, str]:
        """Return the zone of every host that an aggregate gives one to."""
        return zones(self._session)

    def similar_servers(self, properties: Mapping[str, str]) -> dict[str, dict[str, int]]:
        """Return host → property → how many servers there have an image with the same."""
        return similar_servers(self._session, properties)

    def feed(self, since: int) -> HostFeed:
        """Return the hosts that changed after change number `since`."""
        hosts_now = self._session.sequence(TableSet.CELL, cell.sequences, "hosts").value()
        groups_now = self._session.sequence(
            TableSet.GLOBAL, global_.sequences, "aggregates"
        ).value()
        groups_then, hosts_then = since >> _HOST_BITS, since & ((1 << _HOST_BITS) - 1)
        # Membership in aggregates is part of a host's record: when it changed, all are sent.
        reset = (
            since <= 0
            or groups_then != groups_now
            or not hosts_now - HORIZON <= hosts_then <= hosts_now
        )
        rows = () if not reset and hosts_then == hosts_now else self._rows(hosts_then, reset)
        return HostFeed(
            sequence=groups_now << _HOST_BITS | hosts_now,
            reset=reset,
            hosts=self._hosts(rows),
            cpus={_key(text): ANYTHING.decode(text) for text in {row.cpu_info for row in rows}},
            hardware={
                _key(text): HARDWARE.decode(text)
                for text in {row.hardware for row in rows if row.hardware is not None}
            },
            removed=() if reset or hosts_then == hosts_now else self._removed(hosts_then),
            aggregates=AggregateRepository(self._session).list() if reset else None,
            down=self._down(),
            busy=self._busy(),
        )

    def _rows(self, since: int, reset: bool) -> Sequence[Any]:  # noqa: FBT001
        query = _NODES if reset else _NODES.where(N.sequence > since)
        return self._session.cell_db.execute(query).all()

    def _hosts(self, rows: Sequence[Any]) -> tuple[HostRecord, ...]:
        if not rows:
            return ()
        services = self._service_rows({row.host for row in rows})
        members = AggregateRepository(self._session).ids_by_host()
        return tuple(
            self._host(row, services.get(row.host), members.get(row.host, ())) for row in rows
        )

    def _host(self, row: Any, service: Any | None, aggregates: tuple[int, ...]) -> HostRecord:
        numa_used, pci_used = used(row.placings)
        return HostRecord(
            host=row.host,
            node=row.hypervisor_hostname,
            provider_id=row.id,
            hypervisor_type=row.hypervisor_type,
            hypervisor_version=row.hypervisor_version,
            supported=TRIPLES.decode(row.supported),
            disabled=service is None or service.disabled,
            up=service is not None and not service.forced_down,
            failed_builds=row.failed_builds,
            aggregates=aggregates,
            host_ip=row.host_ip,
            cpu=_key(row.cpu_info),
            metrics={} if row.metrics is None else METRICS.decode(row.metrics),
            hardware="" if row.hardware is None else _key(row.hardware),
            numa_used=numa_used,
            pci_used=pci_used,
        )

    def _service_rows(self, hosts: Collection[str]) -> dict[str, Any]:
        query = sa.select(S.host, S.disabled, S.forced_down).where(S.binary == COMPUTE)
        if len(hosts) <= _FEW:
            query = query.where(S.host.in_(hosts))
        return {row.host: row for row in self._session.cell_db.execute(query)}

    def _removed(self, since: int) -> tuple[str, ...]:
        table = cell.removed_hosts.c
        query = sa.select(table.host).where(table.sequence > since).order_by(table.host)
        return tuple(self._session.cell_db.execute(query).scalars())

    def _down(self) -> tuple[str, ...]:
        silence = dt.timedelta(seconds=self._session.settings.service_down_time)
        row = {"heard_before": self._session.now() - silence}
        return tuple(self._session.cell_db.execute(_DOWN, row).scalars())

    def _busy(self) -> dict[str, int]:
        return {str(host): count for host, count in self._session.cell_db.execute(_BUSY)}


def _key(document: str) -> str:
    return hashlib.blake2s(document.encode(), digest_size=8).hexdigest()
