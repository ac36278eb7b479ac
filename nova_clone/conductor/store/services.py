"""Services: daemons that announce themselves and give signs of life."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from oslo_db import exception as db_errors

from nova_clone.conductor.store.columns import utc_now
from nova_clone.conductor.store.session import Session, TableSet
from nova_clone.conductor.store.standings import COMPUTE, is_up, zones
from nova_clone.conductor.store.tables import cell, global_
from nova_clone.contracts.hosts import RegisterService, ServiceQuery, UpdateService
from nova_clone.domain import errors
from nova_clone.domain.host import Service
from nova_clone.domain.identity import new_uuid

S = cell.services.c
N = cell.compute_nodes.c

_FIELDS = (
    "id",
    "number",
    "binary",
    "host",
    "topic",
    "version",
    "disabled",
    "disabled_reason",
    "forced_down",
    "report_count",
    "last_seen",
    "created_at",
    "updated_at",
)
_COLUMNS = tuple(S[name] for name in _FIELDS)
_LOCK_NODES = sa.select(N.id).where(N.host == sa.bindparam("host")).with_for_update()
_BEAT = (
    sa.update(cell.services)
    .where(S.id == sa.bindparam("service_id"))
    .values(report_count=S.report_count + 1, last_seen=utc_now())
)


class ServiceRecords:
    """The services of the cell."""

    _session: Session

    def register_service(self, request: RegisterService) -> Service:
        """Record a daemon that starts.

        Raises `Conflict` when its host name or its node identity belongs to another one.
        """
        row = self._session.cell_db.execute(
            sa.select(S.id, S.node_id)
            .where(S.host == request.host, S.binary == request.binary)
            .with_for_update()
        ).first()
        if row is None:
            service_id = self._add_service(request)
        else:
            service_id = row.id
            self._renew_service(request, row)
        return self._service(service_id)

    def heartbeat(self, service_id: str) -> None:
        """Record a sign of life; raises `NotFound` when the service is unknown."""
        beaten = self._session.cell_db.execute(_BEAT, {"service_id": service_id})
        if not beaten.rowcount:
            raise errors.NotFound(f"Service {service_id} could not be found.")

    def is_disabled(self, host: str) -> bool:
        """Tell whether the compute service of a host is disabled, and keep it as it is."""
        query = sa.select(S.disabled).where(S.host == host, S.binary == COMPUTE).with_for_update()
        return bool(self._session.cell_db.execute(query).scalar())

    def services(self, request: ServiceQuery) -> tuple[Service, ...]:
        """Return the services that a query names, in the order of their numbers."""
        query = sa.select(*_COLUMNS).where(*_clauses(request.id, request.host, request.binary))
        return self._service_records(self._session.cell_db.execute(query.order_by(S.number)).all())

    def update_service(self, request: UpdateService) -> Service:
        """Change a service's standing; raises `NotFound`."""
        row = self._session.cell_db.execute(
            sa.select(S.id, S.host, S.binary)
            .where(*_clauses(request.id, request.host, request.binary))
            .with_for_update()
        ).first()
        if row is None:
            raise _missing(request.id, request.host, request.binary)
        values: dict[str, Any] = {"updated_at": utc_now()}
        if request.disabled is not None:
            values |= {"disabled": request.disabled, "disabled_reason": request.disabled_reason}
        elif request.disabled_reason is not None:
            values["disabled_reason"] = request.disabled_reason
        if request.forced_down is not None:
            values["forced_down"] = request.forced_down
        self._session.cell_db.execute(sa.update(cell.services).where(S.id == row.id).values(values))
        if row.binary == COMPUTE:
            self._touch_nodes(row.host)
        return self._service(row.id)

    def delete_service(self, request: ServiceQuery) -> tuple[str, ...]:
        """Forget a service, and return the ids of the compute nodes that go with it.

        Raises `NotFound`, and `Conflict` while the host of a compute service has servers.
        """
        found = self.services(request)
        if not found:
            raise _missing(request.id, request.host, request.binary)
        service = found[0]
        nodes: tuple[str, ...] = ()
        if service.binary == COMPUTE:
            nodes = self._clear_host(service.host)
        self._session.cell_db.execute(sa.delete(cell.services).where(S.id == service.id))
        return nodes

    def _add_service(self, request: RegisterService) -> str:
        service_id = new_uuid()
        try:
            self._session.cell_db.execute(
                sa.insert(cell.services).values(
                    id=service_id,
                    binary=request.binary,
                    host=request.host,
                    topic=request.topic,
                    version=request.version,
                    node_id=request.node_uuid,
                    disabled=False,
                    forced_down=False,
                    report_count=0,
                    last_seen=utc_now(),
                    created_at=utc_now(),
                )
            )
        except db_errors.DBDuplicateEntry as error:
            raise self._taken(request, error) from error
        return service_id

    def _renew_service(self, request: RegisterService, row: Any) -> None:
        if request.node_uuid is not None and row.node_id not in {None, request.node_uuid}:
            raise errors.Conflict(
                f"Another {request.binary} with identity {row.node_id} is registered "
                f"as host {request.host}."
            )
        values = {
            "topic": request.topic,
            "version": request.version,
            "node_id": request.node_uuid or row.node_id,
            "last_seen": utc_now(),
            "updated_at": utc_now(),
        }
        try:
            self._session.cell_db.execute(
                sa.update(cell.services).where(S.id == row.id).values(values)
            )
        except db_errors.DBDuplicateEntry as error:
            raise self._taken(request, error) from error
        if request.binary == COMPUTE:
            self._forget_metrics(request.host)

    def _forget_metrics(self, host: str) -> None:
        """Forget what a host measured: it may be configured now to measure nothing."""
        measured = sa.update(cell.compute_nodes).where(N.host == host, N.metrics.is_not(None))
        if self._session.cell_db.execute(measured.values(metrics=None)).rowcount:
            self._touch_nodes(host)

    def _taken(
        self, request: RegisterService, error: db_errors.DBDuplicateEntry
    ) -> errors.Conflict | db_errors.RetryRequest:
        if "node" in str(error.columns) or "uq_services_node" in str(error):
            return errors.Conflict(
                f"The identity {request.node_uuid} of host {request.host} belongs to a "
                f"{request.binary} of another host name."
            )
        # Two daemons of one name started at once: the second looks again.
        return db_errors.RetryRequest(error)

    def _clear_host(self, host: str) -> tuple[str, ...]:
        servers = cell.servers.c
        occupied = sa.select(servers.number).where(servers.host == host, servers.deleted.is_(False))
        if self._session.cell_db.execute(occupied.limit(1)).first() is not None:
            raise errors.Conflict(
                f"The compute service of host {host} has servers. "
                "Migrate or delete them before deleting the service."
            )
        nodes = tuple(
            self._session.cell_db.execute(
                sa.select(N.id).where(N.host == host).with_for_update()
            ).scalars()
        )
        self._session.cell_db.execute(sa.delete(cell.compute_nodes).where(N.host == host))
        self._session.sequence(TableSet.CELL, cell.sequences, "hosts").remove(
            cell.removed_hosts.c.host, host
        )
        for table in (global_.aggregate_hosts, global_.host_mappings):
            self._session.global_db.execute(sa.delete(table).where(table.c.host == host))
        self._session.sequence(TableSet.GLOBAL, global_.sequences, "aggregates").bump()
        return nodes

    def _touch_nodes(self, host: str) -> None:
        sequence = self._session.sequence(TableSet.CELL, cell.sequences, "hosts")
        locked = self._session.cell_db.execute(_LOCK_NODES, {"host": host})
        for node_id in locked.scalars():
            sequence.touch(N.id, node_id)

    def _service(self, service_id: str) -> Service:
        row = self._session.cell_db.execute(sa.select(*_COLUMNS).where(S.id == service_id)).one()
        return self._service_records([row])[0]

    def _service_records(self, rows: Any) -> tuple[Service, ...]:
        settings = self._session.settings
        hosts = {row.host for row in rows if row.binary == COMPUTE}
        zoned = zones(self._session, hosts) if hosts else {}
        return tuple(
            Service(
                up=is_up(self._session, forced_down=row.forced_down, last_seen=row.last_seen),
                availability_zone=zoned.get(row.host, settings.default_zone)
                if row.binary == COMPUTE
                else settings.internal_zone,
                **dict(zip(_FIELDS, row, strict=True)),
            )
            for row in rows
        )


def _clauses(
    identity: str | None, host: str | None, binary: str | None
) -> list[sa.ColumnElement[bool]]:
    clauses: list[sa.ColumnElement[bool]] = []
    if identity is not None:
        numbered = identity.isdecimal() and len(identity) < 16
        clauses.append(S.number == int(identity) if numbered else S.id == identity)
    if host is not None:
        clauses.append(S.host == host)
    if binary is not None:
        clauses.append(S.binary == binary)
    return clauses


def _missing(identity: str | None, host: str | None, binary: str | None) -> errors.NotFound:
    if identity is not None:
        return errors.NotFound(f"Service {identity} could not be found.")
    return errors.NotFound(f"Could not find binary {binary} on host {host}.")
