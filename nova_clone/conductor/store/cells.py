"""Cells and the hosts mapped to them."""

from __future__ import annotations

import dataclasses
from datetime import datetime

import sqlalchemy as sa
from oslo_db import exception as db_errors

from nova_clone.conductor.store.columns import utc_now
from nova_clone.conductor.store.session import Session
from nova_clone.conductor.store.tables import global_
from nova_clone.domain import errors

CELL0_ID = "00000000-0000-0000-0000-000000000000"

#: The transport of the cell that has no hosts.
NO_TRANSPORT = "none:///"

_CELLS = global_.cell_mappings
_HOSTS = global_.host_mappings


@dataclasses.dataclass(frozen=True, kw_only=True)
class CellMapping:
    """Where a cell's broker and database are."""

    id: str
    name: str | None = None
    transport_url: str = dataclasses.field(repr=False)
    database_url: str = dataclasses.field(repr=False)
    disabled: bool = False
    created_at: datetime | None = None


_FIELDS = tuple(field.name for field in dataclasses.fields(CellMapping))


def cell0_url(url: str) -> str:
    """Return where the cell without hosts is by default: beside the database at `url`."""
    parsed = sa.make_url(url)
    name = f"{parsed.database}_cell0" if parsed.database else None
    return parsed.set(database=name).render_as_string(hide_password=False)


def shown_url(url: str) -> str:
    """Return a database's or broker's address without its password."""
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except sa.exc.ArgumentError:
        return "(not an address)"


def is_url(url: str) -> bool:
    """Tell whether a text is a database's address that this release has a driver for."""
    try:
        sa.make_url(url).get_dialect()
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError):
        return False
    return True


class CellRepository:
    """Cell and host mappings."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self) -> tuple[CellMapping, ...]:
        """Return every cell, the one without hosts first."""
        query = sa.select(*(_CELLS.c[name] for name in _FIELDS)).order_by(_CELLS.c.id)
        return tuple(
            CellMapping(**dict(zip(_FIELDS, row, strict=True)))
            for row in self._session.global_db.execute(query)
        )

    def find(self, cell_id: str) -> CellMapping | None:
        """Return a cell, or None."""
        return next((cell for cell in self.list() if cell.id == cell_id), None)

    def add(self, mapping: CellMapping) -> None:
        """Add a cell; raises `AlreadyExists` when its id is taken."""
        values = dataclasses.asdict(mapping) | {"created_at": utc_now()}
        try:
            self._session.global_db.execute(sa.insert(_CELLS).values(values))
        except db_errors.DBDuplicateEntry as error:
            raise errors.AlreadyExists(f"Cell {mapping.id} exists already.") from error

    def hosts(self) -> dict[str, str]:
        """Return the cell of every mapped host."""
        query = sa.select(_HOSTS.c.host, _HOSTS.c.cell_id)
        return dict(self._session.global_db.execute(query).all())

    def map_host(self, host: str, cell_id: str) -> None:
        """Map a host to a cell; raises `AlreadyExists` when it is mapped."""
        try:
            self._session.global_db.execute(
                sa.insert(_HOSTS).values(host=host, cell_id=cell_id, created_at=utc_now())
            )
        except db_errors.DBDuplicateEntry as error:
            raise errors.AlreadyExists(f"Host {host} is mapped already.") from error

    def unmap_host(self, host: str) -> None:
        """Forget the mapping of a host, if there is one."""
        self._session.global_db.execute(sa.delete(_HOSTS).where(_HOSTS.c.host == host))
