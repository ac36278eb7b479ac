"""Bringing databases to the schema of this release."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
import alembic.script
import alembic.util
import sqlalchemy as sa
from oslo_db import exception as db_errors

from nova_clone.conductor.store.engines import Database
from nova_clone.conductor.store.session import TableSet
from nova_clone.conductor.store.tables import cell, global_, host_reports
from nova_clone.domain import errors

_METADATA = {
    TableSet.GLOBAL: global_.metadata,
    TableSet.CELL: cell.metadata,
    TableSet.PLACEMENT: host_reports.host_reports.metadata,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Schema:
    """The tables of one set in one database; sets in one database have versions apart."""

    database: Database
    table_set: TableSet

    @property
    def label(self) -> str:
        """Return the name of the set, by which its migrations are known."""
        return self.table_set.name.lower()

    def sync(self, revision: str | None = None) -> None:
        """Upgrade to `revision`, or to the newest; raises `Invalid` for an unknown one."""
        target = revision or f"{self.label}@head"
        # Alembic's own log lines at every start say nothing that a version does not.
        logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)
        # DDL ends transactions on MySQL; elsewhere the upgrade counts as a whole.
        try:
            with self.database.writing(), self.database.engine.begin() as connection:
                alembic.command.upgrade(self._config(connection), target)
        except alembic.util.CommandError as error:
            raise errors.Invalid(str(error)) from error
        except db_errors.DBError as error:
            raise self._unusable(error) from error

    def stamp(self, revision: str) -> None:
        """Write down that the database is at `revision`, without touching any table.

        Raises `Invalid` for one that this set does not have.
        """
        scripts = alembic.script.ScriptDirectory.from_config(self._config(None))
        target = f"{self.label}@head" if revision == "head" else revision
        try:
            known = {
                one.revision for one in scripts.iterate_revisions(f"{self.label}@head", "base")
            }
            found = scripts.get_revision(target)
            if found.revision not in known:
                raise errors.Invalid(f"There is no revision {revision} of the {self.label} set.")
            with self.database.writing(), self.database.engine.begin() as connection:
                alembic.command.stamp(self._config(connection), target)
        except alembic.util.CommandError as error:
            raise errors.Invalid(str(error)) from error
        except db_errors.DBError as error:
            raise self._unusable(error) from error

    def version(self) -> str | None:
        """Return the revision that the database is at; None before the first sync."""
        try:
            with self.database.engine.connect() as connection:
                if not sa.inspect(connection).has_table(self._version_table):
                    return None
                table = sa.table(self._version_table, sa.column("version_num", sa.String))
                return connection.execute(sa.select(table.c.version_num)).scalar()
        except db_errors.DBError as error:
            raise self._unusable(error) from error

    def newest(self) -> str:
        """Return the revision that this release knows as the newest."""
        scripts = alembic.script.ScriptDirectory.from_config(self._config(None))
        head = scripts.get_revision(f"{self.label}@head")
        if head is None:
            raise errors.Invalid(f"There are no migrations of the {self.label} set.")
        return str(head.revision)

    @property
    def metadata(self) -> sa.MetaData:
        """Return the tables as the repositories expect them."""
        return _METADATA[self.table_set]

    @property
    def _version_table(self) -> str:
        return f"alembic_version_{self.label}"

    def _unusable(self, error: db_errors.DBError) -> errors.Unavailable:
        reason = str(error).partition("\n")[0]
        return errors.Unavailable(f"The {self.label} database cannot be used: {reason}")

    def _config(self, connection: Any) -> alembic.config.Config:
        config = alembic.config.Config()
        config.set_main_option("script_location", str(script_location()).replace("%", "%%"))
        config.attributes["connection"] = connection
        config.attributes["metadata"] = self.metadata
        config.attributes["version_table"] = self._version_table
        return config


def script_location() -> Path:
    """Return the folder of the migrations: beside this file in a wheel, else the checkout's."""
    here = Path(__file__).resolve().parent
    installed = here / "alembic"
    return installed if installed.is_dir() else here.parents[2] / "alembic"
