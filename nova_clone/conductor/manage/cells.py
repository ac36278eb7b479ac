"""``cell_v2``: which cells there are and which hosts belong to them."""

from __future__ import annotations

from typing import Any

from nova_clone.conductor.discovery import map_host, new_hosts
from nova_clone.conductor.manage.session import Desk, subcommand
from nova_clone.conductor.manage.table import draw
from nova_clone.conductor.store.cells import (
    CELL0_ID,
    NO_TRANSPORT,
    CellMapping,
    cell0_url,
    is_url,
    shown_url,
)
from nova_clone.conductor.store.standings import COMPUTE
from nova_clone.contracts.hosts import ServiceQuery
from nova_clone.domain import errors
from nova_clone.domain.identity import new_uuid


def add_commands(parsers: Any) -> None:
    """Add the commands of ``cell_v2`` to its group of parsers."""
    setup = subcommand(
        parsers, "simple_cell_setup", simple_cell_setup, "Make one cell with all hosts in it."
    )
    setup.add_argument("--transport-url", metavar="URL", help="default: the configured one")
    cell0 = subcommand(parsers, "map_cell0", map_cell0, "Record the cell without hosts.")
    cell0.add_argument("--database_connection", metavar="URL")
    create = subcommand(parsers, "create_cell", create_cell, "Record a cell.")
    create.add_argument("--name")
    create.add_argument("--database_connection", metavar="URL")
    create.add_argument("--transport-url", metavar="URL")
    create.add_argument("--verbose", action="store_true", help="show the UUID of the cell")
    create.add_argument("--disabled", action="store_true")
    discover = subcommand(
        parsers, "discover_hosts", discover_hosts, "Map hosts that are new to their cell."
    )
    discover.add_argument("--cell_uuid", metavar="UUID")
    discover.add_argument("--verbose", action="store_true")
    discover.add_argument("--strict", action="store_true", help="finding none is a failure")
    discover.add_argument("--by-service", action="store_true", help="look at services, not nodes")
    listing = subcommand(parsers, "list_cells", list_cells, "List the cells.")
    listing.add_argument("--verbose", action="store_true", help="show addresses in full")


def map_cell0(desk: Desk) -> int:
    """Record the cell without hosts; 0 also when it is there."""
    url = desk.arguments.database_connection or cell0_url(desk.store.settings.cell_url)
    if not is_url(url):
        desk.say("The database connection is not an address.")
        return 1
    desk.say("Cell0 is set up." if _add_cell0(desk, url) else "Cell0 is already set up.")
    return 0


def create_cell(desk: Desk) -> int:
    """Record a cell; 1 for bad addresses, 2 when it is recorded already."""
    arguments = desk.arguments
    transport = desk.transport_url()
    database = arguments.database_connection or desk.store.settings.cell_url
    if not is_url(database):
        desk.say("The database connection is not an address.")
        return 1
    mapping = CellMapping(
        id=new_uuid(),
        name=arguments.name,
        transport_url=transport,
        database_url=database,
        disabled=arguments.disabled,
    )
    if not _add_cell(desk, mapping):
        desk.say("A cell with this transport URL or database connection exists already.")
        return 2
    if arguments.verbose:
        desk.say(mapping.id)
    return 0


def simple_cell_setup(desk: Desk) -> int:
    """Record both cells and map every host; 1 without a usable broker address or hosts."""
    transport = desk.transport_url()
    _add_cell0(desk, cell0_url(desk.store.settings.cell_url))
    mapping = CellMapping(
        id=new_uuid(),
        name="cell1",
        transport_url=transport,
        database_url=desk.store.settings.cell_url,
    )
    cell_id = _cell_of(desk, mapping.database_url)
    if cell_id is None:
        cell_id = mapping.id
        _add_cell(desk, mapping)
    hosts = desk.store.read(lambda work: work.hosts.node_hosts())
    if not hosts:
        desk.say("No hosts have reported yet, so none are mapped.")
        return 1
    for host in new_hosts(desk.store, hosts):
        map_host(desk.store, host, cell_id)
    desk.say("All hosts are mapped to a cell.")
    return 0


def discover_hosts(desk: Desk) -> int:
    """Map unmapped hosts; 1 for an unknown cell or, if strict, for none; 2 for a race."""
    arguments = desk.arguments
    cells = [cell for cell in _all_cells(desk) if cell.id != CELL0_ID]
    if arguments.cell_uuid is not None:
        cells = [cell for cell in cells if cell.id == arguments.cell_uuid]
        if not cells:
            desk.say(f"There is no cell {arguments.cell_uuid}.")
            return 1
    found = 0
    for cell in cells:
        if cell.database_url != desk.store.settings.cell_url:
            continue
        hosts = new_hosts(desk.store, _hosts_of_cell(desk))
        if arguments.verbose:
            desk.say(f"Found {len(hosts)} unmapped computes in cell: {cell.id}")
        for host in hosts:
            if arguments.verbose:
                desk.say(f"Mapping compute host '{host}' to cell {cell.id}")
            if not map_host(desk.store, host, cell.id):
                desk.say(f"Host '{host}' was mapped by somebody else meanwhile.")
                return 2
        found += len(hosts)
    if arguments.strict and not found:
        return 1
    return 0


def list_cells(desk: Desk) -> int:
    """Show the cells, with passwords hidden unless asked otherwise."""
    shown = str if desk.arguments.verbose else shown_url
    rows = [
        (
            cell.name or "",
            cell.id,
            shown(cell.transport_url),
            shown(cell.database_url),
            str(cell.disabled),
        )
        for cell in sorted(_all_cells(desk), key=lambda cell: (cell.name or "", cell.id))
    ]
    heads = ("Name", "UUID", "Transport URL", "Database Connection", "Disabled")
    desk.say(draw(heads, rows))
    return 0


def _all_cells(desk: Desk) -> tuple[CellMapping, ...]:
    return desk.store.read(lambda work: work.cells.list())


def _add_cell0(desk: Desk, url: str) -> bool:
    mapping = CellMapping(id=CELL0_ID, name="cell0", transport_url=NO_TRANSPORT, database_url=url)
    try:
        desk.store.run(lambda work: work.cells.add(mapping))
    except errors.AlreadyExists:
        return False
    return True


def _add_cell(desk: Desk, mapping: CellMapping) -> bool:
    def add(work: Any) -> bool:
        for other in work.cells.list():
            if (
                other.transport_url == mapping.transport_url
                or other.database_url == mapping.database_url
            ):
                return False
        work.cells.add(mapping)
        return True

    return desk.store.run(add)


def _cell_of(desk: Desk, database_url: str) -> str | None:
    return next(
        (c.id for c in _all_cells(desk) if c.id != CELL0_ID and c.database_url == database_url),
        None,
    )


def _hosts_of_cell(desk: Desk) -> tuple[str, ...]:
    if not desk.arguments.by_service:
        return desk.store.read(lambda work: work.hosts.node_hosts())
    query = ServiceQuery(binary=COMPUTE)
    services = desk.store.read(lambda work: work.hosts.services(query))
    return tuple(sorted(service.host for service in services))
