"""``placement-manage``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from nova_clone.conductor.manage.databases import SchemaCommands, add_schema_commands
from nova_clone.conductor.manage.session import new_parser, run
from nova_clone.conductor.store.session import TableSet


def main(argv: Sequence[str] | None = None, *, output: TextIO | None = None) -> int:
    """Run the command in `argv` and return its exit code."""
    parser = new_parser("placement-manage", "Look after the database of Placement.")
    groups = parser.add_subparsers(metavar="CATEGORY")
    tables = groups.add_parser("db", help="the tables of Placement")
    add_schema_commands(
        tables.add_subparsers(required=True, metavar="COMMAND"),
        SchemaCommands(table_set=TableSet.PLACEMENT),
    )
    return run(parser, argv, output)
