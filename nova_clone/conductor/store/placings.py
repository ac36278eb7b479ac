"""Which cells, processors, pages and devices of a compute node its servers have.

They are kept in the node's own row: one lock guards all that a node can give away, and
whoever reads the row has all of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from nova_clone.conductor.store.encoding import HARDWARE, PLACINGS, dump
from nova_clone.conductor.store.services import N
from nova_clone.conductor.store.session import Session, TableSet
from nova_clone.conductor.store.tables import cell, placement
from nova_clone.domain.hardware import NOTHING_TOLD
from nova_clone.domain.pci.device import PciPool, reusable
from nova_clone.domain.placing import Needs, Placing, Space, place, taken_devices
from nova_clone.domain.resources import MEMORY_MB, VCPU
from nova_clone.domain.topology.fit import Limits, Misfit
from nova_clone.domain.topology.host import CellUse, usage

V = cell.servers.c
_COLUMNS = (N.id, N.hardware, N.placings)
_BY_ID = sa.select(*_COLUMNS).where(N.id == sa.bindparam("node_id"))
_KEPT = sa.select(N.placings).where(N.placings.is_not(None))
_KEPT_ON = _KEPT.where(N.host == sa.bindparam("host"))
_LOCKED = _BY_ID.with_for_update()
_LOCKED_IF_FREE = _BY_ID.with_for_update(skip_locked=True)
_KNOWN = sa.select(N.placings).where(N.id == sa.bindparam("node_id"))
_NODES_OF = (
    sa.select(N.id)
    .join_from(cell.servers, cell.compute_nodes, N.host == V.host)
    .where(V.id == sa.bindparam("server_id"), N.placings.is_not(None))
)
_WRITE = sa.update(cell.compute_nodes).where(N.id == sa.bindparam("node_id"))
_RATIOS = sa.select(
    placement.inventories.c.resource_class, placement.inventories.c.allocation_ratio
).where(
    placement.inventories.c.provider_id == sa.bindparam("node_id"),
    placement.inventories.c.resource_class.in_((VCPU, MEMORY_MB)),
)


class PlacingRepository:
    """Places of servers on the compute nodes of the cell."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def take(self, node_id: str, server_id: str, needs: Needs, *, wait: bool) -> Placing | Misfit:
        """Give a server a place on a node, instead of one that it has there already.

        The node's row stays locked until the end. With `wait` false a node whose row
        somebody else holds has no place. A node that tells of no cells gives none, and
        takes servers that ask for cells all the same, as it does with any other.
        """
        row = self._row(node_id, wait=wait)
        if row is None:
            return Misfit("it is busy or gone")
        before = _placings(row)
        others = {each: placing for each, placing in before.items() if each != server_id}
        hardware = NOTHING_TOLD if row.hardware is None else HARDWARE.decode(row.hardware)
        if hardware.topology is None:
            needs = dataclasses.replace(needs, topology=None)
        # Only Placement knows which of the others were used.
        chosen = all(request.card is not None for request in needs.pci)
        fits = [each.topology for each in others.values() if each.topology is not None]
        space = Space(
            topology=hardware.topology,
            used=usage(fits),
            limits=self._limits(node_id),
            pci=hardware.pci if chosen else reusable(hardware.pci),
            pci_used=frozenset(taken_devices(others.values())),
        )
        found = place(space, needs)
        if isinstance(found, Misfit):
            return found
        after = others if found == Placing() else {**others, server_id: found}
        if after != before:
            self._write(node_id, after)
        return found

    def leave(self, node_id: str, server_id: str) -> None:
        """Give a server's place on a node back, if it has one."""
        known = self._session.cell_db.execute(_KNOWN, {"node_id": node_id}).scalar()
        if known is None or server_id not in known:
            return
        row = self._row(node_id, wait=True)
        left = {} if row is None else _placings(row)
        if left.pop(server_id, None) is not None:
            self._write(node_id, left)

    def forget(self, server_id: str) -> None:
        """Give a server's place back, wherever its record says that the server is."""
        nodes = self._session.cell_db.execute(_NODES_OF, {"server_id": server_id})
        for node_id in nodes.scalars().all():
            self.leave(node_id, server_id)

    def of(self, node_id: str, server_id: str) -> Placing | None:
        """Return the place that a server has on a node."""
        row = self._session.cell_db.execute(_BY_ID, {"node_id": node_id}).first()
        return None if row is None else _placings(row).get(server_id)

    def devices(self, node_id: str, server_id: str) -> tuple[tuple[str, PciPool], ...]:
        """Return the addresses of the devices that a server has, with the pools they are of.

        Devices that the node does not tell of any more are left out.
        """
        row = self._session.cell_db.execute(_BY_ID, {"node_id": node_id}).first()
        placing = None if row is None else _placings(row).get(server_id)
        if row is None or placing is None or row.hardware is None:
            return ()
        offered = HARDWARE.decode(row.hardware).pci
        pools = {address: pool for pool in offered for address in pool.addresses}
        addresses = [grant.address for grant in placing.pci]
        return tuple((each, pools[each]) for each in addresses if each in pools)

    def on_host(self, host: str) -> Mapping[str, Placing]:
        """Return the places that servers have on the nodes of a host, by server."""
        return _together(self._kept(host))

    def every(self) -> Mapping[str, Placing]:
        """Return the places of all servers, by server."""
        return _together(self._session.cell_db.execute(_KEPT).scalars())

    def held(self, host: str, server_id: str) -> Placing:
        """Return the place that a server has on a host; an empty one when it needs none."""
        for text in self._kept(host):
            # Most servers have none: they need not wait until all others are understood.
            if server_id in text and server_id in (found := PLACINGS.decode(text)):
                return found[server_id]
        return Placing()

    def _kept(self, host: str) -> Sequence[str]:
        return self._session.cell_db.execute(_KEPT_ON, {"host": host}).scalars().all()

    def _row(self, node_id: str, *, wait: bool) -> Any | None:
        locked = _LOCKED if wait else _LOCKED_IF_FREE
        return self._session.cell_db.execute(locked, {"node_id": node_id}).first()

    def _write(self, node_id: str, placings: dict[str, Placing]) -> None:
        row = {"node_id": node_id, "placings": dump(placings) if placings else None}
        self._session.cell_db.execute(_WRITE, row)
        self._session.sequence(TableSet.CELL, cell.sequences, "hosts").touch(N.id, node_id)

    def _limits(self, node_id: str) -> Limits:
        ratios = dict(self._session.placement_db.execute(_RATIOS, {"node_id": node_id}).all())
        return Limits(cpu=max(ratios.get(VCPU, 1.0), 1.0), ram=max(ratios.get(MEMORY_MB, 1.0), 1.0))


def _placings(row: Any) -> dict[str, Placing]:
    return {} if row.placings is None else PLACINGS.decode(row.placings)


def _together(texts: Iterable[str]) -> dict[str, Placing]:
    return {
        server_id: placing for text in texts for server_id, placing in PLACINGS.decode(text).items()
    }


def used(text: str | None) -> tuple[tuple[CellUse, ...], tuple[str, ...]]:
    """Return what is taken of a node's cells and devices, from what its row keeps."""
    placings = {} if text is None else PLACINGS.decode(text)
    fits = [each.topology for each in placings.values() if each.topology is not None]
    return usage(fits), taken_devices(placings.values())
