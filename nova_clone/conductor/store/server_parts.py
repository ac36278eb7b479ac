"""What of a server is kept in tables of its own: metadata, tags, disks, addresses."""

from __future__ import annotations

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

    def metadata(self, ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return the metadata of servers, those without any left out."""
        table = cell.server_metadata.c
        found: dict[str, dict[str, str]] = {}
        query = sa.select(table.server_id, table.key, table.value).where(table.server_id.in_(ids))
        for server_id, key, value in self._session.cell_db.execute(query):
            found.setdefault(server_id, {})[key] = value
        return found

    def tags(self, ids: Sequence[str]) -> dict[str, list[str]]:
        """Return the sorted tags of servers, those without any left out."""
        table = cell.server_tags.c
        found: dict[str, list[str]] = {}
        query = sa.select(table.server_id, table.tag).where(table.server_id.in_(ids))
        for server_id, tag in self._session.cell_db.execute(query.order_by(table.tag)):
            found.setdefault(server_id, []).append(tag)
        return found

    def block_devices(self, ids: Sequence[str]) -> dict[str, list[BlockDevice]]:
        """Return the disks of servers in their order, those without any left out."""
        table = cell.block_devices.c
        found: dict[str, list[BlockDevice]] = {}
        query = sa.select(table.server_id, table.device).where(table.server_id.in_(ids))
        query = query.order_by(table.server_id, table.position)
        for server_id, text in self._session.cell_db.execute(query):
            found.setdefault(server_id, []).append(BLOCK_DEVICE.decode(text))
        return found

    def _drop(self, table: sa.Table, server_id: str) -> None:
        self._session.cell_db.execute(sa.delete(table).where(table.c.server_id == server_id))

    def _insert(self, table: sa.Table, rows: Rows) -> None:
        if rows:
            self._session.cell_db.execute(sa.insert(table), rows)


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
