"""``api_db``, ``db`` and Placement's ``db``: schemas of the three sets of tables."""

from __future__ import annotations

import dataclasses
from typing import Any

from nova_clone.conductor.manage import data_migrations
from nova_clone.conductor.manage.session import Desk, subcommand
from nova_clone.conductor.store.cells import CELL0_ID
from nova_clone.conductor.store.engines import open_database
from nova_clone.conductor.store.migrations import Schema
from nova_clone.conductor.store.session import TableSet
from nova_clone.domain import errors


@dataclasses.dataclass(frozen=True, kw_only=True)
class SchemaCommands:
    """The commands over the schema of one set."""

    table_set: TableSet

    def sync(self, desk: Desk) -> int:
        """Upgrade the schema; 1 when the database cannot be used."""
        desk.schema(self.table_set).sync(desk.arguments.revision)
        return 0

    def version(self, desk: Desk) -> int:
        """Show at which revision the database is."""
        desk.say(desk.schema(self.table_set).version() or "")
        return 0

    def stamp(self, desk: Desk) -> int:
        """Write down a revision without touching tables; 1 for an unknown one."""
        desk.schema(self.table_set).stamp(desk.arguments.revision)
        return 0

    def migrate_data(self, desk: Desk) -> int:
        """Run the data migrations of the set; the exit code is the reference's."""
        limit = desk.arguments.max_count
        if limit is not None and limit < 1:
            desk.say("Must supply a positive value for max_count")
            return data_migrations.BAD_INPUT
        return data_migrations.run(desk, data_migrations.MIGRATIONS[self.table_set], limit)


class CellCommands(SchemaCommands):
    """The cell's schema; the cell without hosts, if it has a database, goes with it."""

    def sync(self, desk: Desk) -> int:
        """Upgrade the schema; 1 when a database cannot be used."""
        super().sync(desk)
        if not desk.arguments.local_cell:
            self._sync_cell0(desk)
        return 0

    def _sync_cell0(self, desk: Desk) -> None:
        if desk.schema(TableSet.GLOBAL).version() is None:
            return
        mapping = desk.store.read(lambda work: work.cells.find(CELL0_ID))
        if mapping is None or mapping.database_url == desk.store.settings.cell_url:
            return
        database = open_database(mapping.database_url, desk.store.settings)
        try:
            Schema(database=database, table_set=TableSet.CELL).sync(desk.arguments.revision)
        except errors.Unavailable as error:
            raise errors.Unavailable(f"cell0 cannot be brought up to date: {error}") from error
        finally:
            database.close()


def add_schema_commands(parsers: Any, commands: SchemaCommands) -> None:
    """Add ``sync`` and ``version`` to a group of parsers."""
    sync = subcommand(parsers, "sync", commands.sync, "Bring the tables up to date.")
    sync.add_argument("revision", nargs="?", metavar="VERSION", help="default: the newest")
    if isinstance(commands, CellCommands):
        sync.add_argument(
            "--local_cell", action="store_true", help="leave the database of cell0 alone"
        )
    subcommand(parsers, "version", commands.version, "Show the revision of the tables.")
    if commands.table_set is TableSet.PLACEMENT:
        stamp = subcommand(
            parsers, "stamp", commands.stamp, "Write down a revision without touching tables."
        )
        stamp.add_argument("revision", metavar="VERSION", help="a revision, or head")
    if commands.table_set is not TableSet.GLOBAL:
        online = subcommand(
            parsers,
            "online_data_migrations",
            commands.migrate_data,
            "Bring rows up to date while daemons run.",
        )
        online.add_argument(
            *("--max-count", "--max_count"), type=int, metavar="COUNT", help="at most so many rows"
        )
