"""New hosts: which there are, and how they come to belong to their cell."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from nova_clone.conductor.store.cells import CELL0_ID
from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.domain.errors import AlreadyExists

LOG = logging.getLogger(__name__)


def new_hosts(store: Store, hosts: Iterable[str]) -> list[str]:
    """Return those of some hosts that belong to no cell yet."""
    mapped = store.read(lambda work: work.cells.hosts())
    return [host for host in hosts if host not in mapped]


def map_host(store: Store, host: str, cell_id: str) -> bool:
    """Make a host belong to a cell; False when it belongs to one already."""
    try:
        store.run(lambda work: work.cells.map_host(host, cell_id))
    except AlreadyExists:
        return False
    return True


def map_new_hosts(store: Store) -> None:
    """Make every host that has reported belong to the cell that this process serves."""
    cells = store.read(lambda work: work.cells.list())
    served = [
        cell.id
        for cell in cells
        if cell.id != CELL0_ID and cell.database_url == store.settings.cell_url
    ]
    if not served:
        LOG.warning("no cell has this database, so new hosts belong to none")
        return
    for host in new_hosts(store, store.read(lambda work: work.hosts.node_hosts())):
        if map_host(store, host, served[0]):
            LOG.info("host %s belongs to cell %s now", host, served[0])
