"""What of a server is kept in tables of its own: metadata, tags, disks, addresses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from nova_clone.conductor.store.encoding import BLOCK_DEVICE, dump
from nova_clone.conductor.store.session import Session
from nova_clone.conductor.store.tables import cell
from nova_clone.domain.block_device import BlockDevice
from nova_clone.domain.port import Vif
from nova_clone.domain.server.server import Server

Rows = list[dict[str, Any]]

_METADATA, _TAG, _DEVICE = "metadata", "tag", "device"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parts:
    """The parts of one server."""

    metadata: dict[str, str] = dataclasses.field(default_factory=dict)
    tags: list[str] = dataclasses.field(default_factory=list)
    block_devices: list[BlockDevice] = dataclasses.field(default_factory=list)


def _part(kind: str, table: sa.Table, key: sa.ColumnElement[Any], value: Any) -> sa.Select[Any]:
    return sa.select(
        sa.literal(kind, sa.String).label("kind"),
        table.c.server_id,
        sa.cast(key, sa.String(255)).label("key"),
        sa.cast(value, sa.Text).label("value"),
    ).where(table.c.server_id.in_(sa.bindparam("ids", expanding=True)))


#: One statement instead of three; a disk's key is its position.
_ALL_PARTS = sa.union_all(
    _part(
        _METADATA,
        cell.server_metadata,
        cell.server_metadata.c.key,
        cell.server_metadata.c.value,
    ),
    _part(_TAG, cell.server_tags, cell.server_tags.c.tag, sa.null()),
    _part(_DEVICE, cell.block_devices, cell.block_devices.c.position, cell.block_devices.c.device),
)


class ServerParts:
    """Reads and writes the parts of many servers with one statement per table."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, servers: Sequence[Server]) -> None:
        """Store the parts of new servers."""
        self._insert(
            cell.server_metadata, [row for s in servers for row in _items(s.id, s.metadata)]
        )
        self._insert(cell.server_tags, [row for s in servers for row in _tags(s.id, s.tags)])
        self._insert(
            cell.server_addresses, [row for s in servers for row in _addresses(s.id, s.vifs)]
        )
        self._insert(
            cell.block_devices, [row for s in servers for row in _devices(s.id, s.block_devices)]
        )

    def replace(self, server_id: str, changes: Mapping[str, Any]) -> None:
        """Replace those parts that `changes` names by the server's fields."""
        for field, (table, rows_of) in _TABLES.items():
            if field in changes:
                self._drop(table, server_id)
                self._insert(table, rows_of(server_id, changes[field]))

    def close(self, server_id: str) -> None:
        """Drop what a deleted server does not have any more: disks and addresses."""
        self._drop(cell.block_devices, server_id)
        self._drop(cell.server_addresses, server_id)

    def of(self, ids: Sequence[str]) -> dict[str, Parts]:
        """Return the parts of servers, those without any left out."""
        found: dict[str, Parts] = {}
        rows = self._session.cell_db.execute(_ALL_PARTS, {"ids": ids}).all()
        for kind, server_id, key, value in sorted(rows, key=_in_order):
            parts = found.get(server_id)
            if parts is None:
                parts = found[server_id] = Parts()
            if kind == _METADATA:
                parts.metadata[key] = value
            elif kind == _TAG:
                parts.tags.append(key)
            else:
                parts.block_devices.append(BLOCK_DEVICE.decode(value))
        return found

    def _drop(self, table: sa.Table, server_id: str) -> None:
        self._session.cell_db.execute(sa.delete(table).where(table.c.server_id == server_id))

    def _insert(self, table: sa.Table, rows: Rows) -> None:
        if rows:
            self._session.cell_db.execute(_INSERTS[table.name], rows)


def _items(server_id: str, metadata: Mapping[str, str]) -> Rows:
    return [{"server_id": server_id, "key": k, "value": v} for k, v in metadata.items()]


def _tags(server_id: str, tags: Iterable[str]) -> Rows:
    return [{"server_id": server_id, "tag": tag} for tag in dict.fromkeys(tags)]


def _addresses(server_id: str, vifs: Iterable[Vif]) -> Rows:
    found = {address.address: address.version for vif in vifs for address in vif.addresses}
    return [
        {"server_id": server_id, "address": address, "version": version}
        for address, version in found.items()
    ]


def _devices(server_id: str, devices: Iterable[BlockDevice]) -> Rows:
    return [
        {
            "id": device.id,
            "server_id": server_id,
            "position": position,
            "volume_id": device.volume_id,
            "device": dump(device),
        }
        for position, device in enumerate(devices)
    ]


_TABLES: dict[str, tuple[sa.Table, Any]] = {
    "metadata": (cell.server_metadata, _items),
    "tags": (cell.server_tags, _tags),
    "vifs": (cell.server_addresses, _addresses),
    "block_devices": (cell.block_devices, _devices),
}


_INSERTS = {table.name: sa.insert(table) for table, _rows_of in _TABLES.values()}


def _in_order(row: Any) -> tuple[str, int | str]:
    kind, _server_id, key, _value = row
    return kind, int(key) if kind == _DEVICE else key
