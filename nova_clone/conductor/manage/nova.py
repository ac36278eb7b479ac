"""``nova-manage``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from nova_clone.conductor.manage import (
    aggregates,
    audit,
    capacity,
    cells,
    explain,
    heal,
    placement_audit,
)
from nova_clone.conductor.manage.databases import (
    CellCommands,
    SchemaCommands,
    add_schema_commands,
)
from nova_clone.conductor.manage.session import new_parser, run
from nova_clone.conductor.store.session import TableSet


def main(argv: Sequence[str] | None = None, *, output: TextIO | None = None) -> int:
    """Run the command in `argv` and return its exit code."""
    parser = new_parser("nova-manage", "Look after the databases of Nova.")
    groups = parser.add_subparsers(metavar="CATEGORY")
    global_ = groups.add_parser("api_db", help="the tables of the whole cloud")
    add_schema_commands(
        global_.add_subparsers(required=True, metavar="COMMAND"),
        SchemaCommands(table_set=TableSet.GLOBAL),
    )
    cell = groups.add_parser("db", help="the tables of the cell")
    add_schema_commands(
        cell.add_subparsers(required=True, metavar="COMMAND"),
        CellCommands(table_set=TableSet.CELL),
    )
    mappings = groups.add_parser("cell_v2", help="cells and their hosts")
    cells.add_commands(mappings.add_subparsers(required=True, metavar="COMMAND"))
    allocations = groups.add_parser("placement", help="allocations and the servers behind them")
    commands = allocations.add_subparsers(required=True, metavar="COMMAND")
    placement_audit.add_command(commands)
    heal.add_command(commands)
    aggregates.add_command(commands)
    choices = groups.add_parser("scheduler", help="what the scheduler chose, and could choose")
    commands = choices.add_subparsers(required=True, metavar="COMMAND")
    explain.add_command(commands)
    capacity.add_command(commands)
    audit.add_command(groups)
    return run(parser, argv, output)
