"""Compute nodes: what hypervisors reported of themselves."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from oslo_db import exception as db_errors

from nova_clone.conductor.store.columns import utc_now
from nova_clone.conductor.store.encoding import ANYTHING, TRIPLES, dump
from nova_clone.conductor.store.paging import page_size
from nova_clone.conductor.store.services import N, ServiceRecords
from nova_clone.conductor.store.session import TableSet
from nova_clone.conductor.store.standings import COMPUTE
from nova_clone.conductor.store.tables import cell, placement
from nova_clone.contracts.hosts import HypervisorPage, HypervisorQuery, ServiceQuery
from nova_clone.domain import errors
from nova_clone.domain.host import HostResources, Hypervisor, Service
from nova_clone.domain.resources import DISK_GB, MEMORY_MB, VCPU
from nova_clone.domain.server.server import ServerBrief

V = cell.servers.c
_FIELDS = (
    "id",
    "number",
    "host",
    "hypervisor_hostname",
    "hypervisor_type",
    "hypervisor_version",
    "host_ip",
    "disk_available_least",
    "uptime",
    "created_at",
    "updated_at",
)
_COLUMNS = (*(N[name] for name in _FIELDS), N.cpu_info, N.supported)
_ON = N.host == sa.bindparam("host")
_COUNTS = sa.select(N.id).where(_ON, N.counts_failures.is_not(sa.false()))
_HAS_FAILED = sa.select(N.id).where(_ON, N.failed_builds > 0)


class ComputeNodeRecords(ServiceRecords):
    """The compute nodes of the cell."""

    def save_compute_node(
        self, host: str, resources: HostResources, *, counts_failures: bool = True
    ) -> None:
        """Record what a host reported; its feed number moves when something changed.

        Without `counts_failures` the host's failed builds are forgotten, too.
        Raises `Conflict` when the node is recorded under another host or another name.
        """
        values = {**_reported(host, resources), "counts_failures": counts_failures}
        row = self._session.cell_db.execute(
            sa.select(*(N[name] for name in values)).where(N.id == resources.uuid).with_for_update()
        ).first()
        if row is not None and row.host != host:
            raise errors.Conflict(
                f"The compute node {resources.uuid} belongs to host {row.host}, not to {host}."
            )
        if row is not None and row.hypervisor_hostname != resources.hypervisor_hostname:
            # Its servers and its providers are known by the name.
            raise errors.Conflict(
                f"The hypervisor of host {host} was {row.hypervisor_hostname} and is called "
                f"{resources.hypervisor_hostname} now. Give it its name back, or delete its "
                "compute service before it comes back under the new one."
            )
        sequence = self._session.sequence(TableSet.CELL, cell.sequences, "hosts")
        if row is None:
            self._add_node(resources.uuid, values)
            sequence.restore(cell.removed_hosts.c.host, host)
            sequence.touch(N.id, resources.uuid)
        elif dict(row._mapping) != values:  # noqa: SLF001 - its public name
            if not counts_failures:
                values["failed_builds"] = 0
            self._session.cell_db.execute(
                sa.update(cell.compute_nodes)
                .where(N.id == resources.uuid)
                .values(updated_at=utc_now(), **values)
            )
            sequence.touch(N.id, resources.uuid)

    def save_metrics(self, node_id: str, metrics: Mapping[str, float]) -> None:
        """Keep what a host measured last; a node that is not on record has nothing to keep."""
        found = self._session.cell_db.execute(
            sa.select(N.metrics).where(N.id == node_id).with_for_update()
        ).first()
        values = {"metrics": dump(metrics)}
        if found is None or found.metrics == values["metrics"]:
            return
        self._session.cell_db.execute(
            sa.update(cell.compute_nodes).where(N.id == node_id).values(values)
        )
        self._session.sequence(TableSet.CELL, cell.sequences, "hosts").touch(N.id, node_id)

    def node_ids(self, host: str) -> tuple[str, ...]:
        """Return the ids of the compute nodes of a host."""
        query = sa.select(N.id).where(N.host == host).order_by(N.number)
        return tuple(self._session.cell_db.execute(query).scalars())

    def node_hosts(self) -> tuple[str, ...]:
        """Return the name of every host that has a compute node."""
        query = sa.select(N.host).distinct().order_by(N.host)
        return tuple(self._session.cell_db.execute(query).scalars())

    def hypervisors(self, request: HypervisorQuery) -> HypervisorPage:
        """Return hypervisors by number; amounts in use are Placement's.

        Raises `NotFound` for an id or a pattern that nothing matches, `Invalid` for a marker.
        """
        query = sa.select(*_COLUMNS)
        if request.id is not None:
            query = query.where(_identified(request.id))
        if request.hostname_pattern is not None:
            query = query.where(
                N.hypervisor_hostname.contains(request.hostname_pattern, autoescape=True)
            )
        if request.page.marker is not None:
            query = query.where(N.number > self._node_number(request.page.marker))
        limit = page_size(request.page.limit, self._session.settings.max_page)
        query = query.order_by(N.number).limit(limit + 1)
        rows = self._session.cell_db.execute(query).all()
        if not rows and request.id is not None:
            raise errors.NotFound(f"Hypervisor with ID '{request.id}' could not be found.")
        if not rows and request.hostname_pattern is not None:
            raise errors.NotFound(
                f"No hypervisor matching '{request.hostname_pattern}' could be found."
            )
        kept = rows[:limit]
        return HypervisorPage(
            hypervisors=self._hypervisors(kept),
            more=len(rows) > limit,
            servers=self._servers_of(kept) if request.with_servers else {},
        )

    def build_failed(self, host: str) -> None:
        """Count a failed build against a host that counts them, for the scheduler's weighers."""
        if self._session.cell_db.execute(_COUNTS, {"host": host}).first() is not None:
            self._count_failure(host, N.failed_builds + 1)

    def build_succeeded(self, host: str) -> None:
        """Forget the failed builds of a host."""
        if self._session.cell_db.execute(_HAS_FAILED, {"host": host}).first() is not None:
            self._count_failure(host, sa.literal(0))

    def _count_failure(self, host: str, count: sa.ColumnElement[int]) -> None:
        self._session.cell_db.execute(
            sa.update(cell.compute_nodes).where(N.host == host).values(failed_builds=count)
        )
        self._touch_nodes(host)

    def _add_node(self, node_id: str, values: dict[str, Any]) -> None:
        try:
            self._session.cell_db.execute(
                sa.insert(cell.compute_nodes).values(
                    id=node_id, failed_builds=0, sequence=0, created_at=utc_now(), **values
                )
            )
        except db_errors.DBDuplicateEntry as error:
            raise errors.Conflict(
                f"Host {values['host']} has another compute node named "
                f"{values['hypervisor_hostname']}."
            ) from error

    def _node_number(self, marker: str) -> int:
        number = self._session.cell_db.execute(
            sa.select(N.number).where(_identified(marker))
        ).scalar()
        if number is None:
            raise errors.Invalid(f"marker [{marker}] not found")
        return int(number)

    def _hypervisors(self, rows: Sequence[Any]) -> tuple[Hypervisor, ...]:
        if not rows:
            return ()
        hosts = {row.host for row in rows}
        amounts = self._amounts([row.id for row in rows])
        loads = self._loads(hosts)
        services = self._compute_services(hosts)
        return tuple(
            _hypervisor(
                row,
                amounts.get(row.id, {}),
                loads.get(row.host, (0, 0)),
                services.get(row.host),
            )
            for row in rows
        )

    def _amounts(self, ids: list[str]) -> dict[str, dict[str, tuple[int, int]]]:
        table = placement.inventories.c
        query = sa.select(
            table.provider_id,
            table.resource_class,
            table.total,
            table.reserved,
            table.used,
        ).where(table.provider_id.in_(ids), table.resource_class.in_((VCPU, MEMORY_MB, DISK_GB)))
        found: dict[str, dict[str, tuple[int, int]]] = {}
        for node, name, total, reserved, used in self._session.placement_db.execute(query):
            held_back = 0 if name == VCPU else reserved
            found.setdefault(node, {})[name] = (total, held_back + used)
        return found

    def _loads(self, hosts: Collection[str]) -> dict[str, tuple[int, int]]:
        query = (
            sa.select(V.host, sa.func.count(), sa.func.count(V.task_state))
            .where(V.host.in_(tuple(hosts)), V.deleted.is_(False))
            .group_by(V.host)
        )
        rows = self._session.cell_db.execute(query)
        return {str(host): (servers, busy) for host, servers, busy in rows}

    def _compute_services(self, hosts: Collection[str]) -> dict[str, Service]:
        found = self.services(ServiceQuery(binary=COMPUTE))
        return {service.host: service for service in found if service.host in hosts}

    def _servers_of(self, rows: Sequence[Any]) -> dict[str, tuple[ServerBrief, ...]]:
        query = (
            sa.select(V.node, V.host, V.id, V.name)
            .where(V.host.in_({row.host for row in rows}), V.deleted.is_(False))
            .order_by(V.number)
        )
        found: dict[tuple[str | None, str | None], list[ServerBrief]] = {}
        for node, host, server_id, name in self._session.cell_db.execute(query):
            found.setdefault((host, node), []).append(ServerBrief(id=server_id, name=name))
        return {row.id: tuple(found.get((row.host, row.hypervisor_hostname), ())) for row in rows}


def _identified(identity: str) -> sa.ColumnElement[bool]:
    if identity.isdecimal() and len(identity) < 16:
        return N.number == int(identity)
    return N.id == identity


def _reported(host: str, resources: HostResources) -> dict[str, Any]:
    return {
        "host": host,
        "hypervisor_hostname": resources.hypervisor_hostname,
        "hypervisor_type": resources.hypervisor_type,
        "hypervisor_version": resources.hypervisor_version,
        "host_ip": resources.host_ip,
        "cpu_info": dump(resources.cpu_info),
        "supported": dump(resources.supported),
        "hardware": dump(resources.hardware),
        "disk_available_least": resources.disk_available_least,
        "uptime": resources.uptime,
    }


def _hypervisor(
    row: Any,
    amounts: dict[str, tuple[int, int]],
    load: tuple[int, int],
    service: Service | None,
) -> Hypervisor:
    vcpus, vcpus_used = amounts.get(VCPU, (0, 0))
    memory, memory_used = amounts.get(MEMORY_MB, (0, 0))
    disk, disk_used = amounts.get(DISK_GB, (0, 0))
    return Hypervisor(
        vcpus=vcpus,
        vcpus_used=vcpus_used,
        memory_mb=memory,
        memory_mb_used=memory_used,
        local_gb=disk,
        local_gb_used=disk_used,
        running_vms=load[0],
        current_workload=load[1],
        cpu_info=ANYTHING.decode(row.cpu_info),
        supported=TRIPLES.decode(row.supported),
        service=service,
        **dict(zip(_FIELDS, row[: len(_FIELDS)], strict=True)),
    )
