from __future__ import annotations

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from nova_clone.conductor.store.migrations import Schema, script_location
from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.domain import errors
from tests.unit.conductor.store.databases import schemas


def differences(schema: Schema) -> list[Any]:
    """Return what a migration would still have to do for the tables of the repositories."""

    def mine(name: str | None, kind: str, _parents: Any) -> bool:
        return kind != "table" or name in schema.metadata.tables

    with schema.database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_name": mine}
        )
        return list(compare_metadata(context, schema.metadata))


class TestMigrations:
    def test_the_migrated_schema_is_the_one_in_use(self, store: Store) -> None:
        assert {schema.label: differences(schema) for schema in schemas(store)} == {
            "global": [],
            "placement": [],
            "cell": [],
        }

    def test_a_second_sync_changes_nothing(self, store: Store) -> None:
        for schema in schemas(store):
            assert schema.version() == schema.newest()
            schema.sync()
            assert schema.version() == schema.newest()

    def test_an_unknown_revision_is_refused(self, store: Store) -> None:
        for schema in schemas(store):
            with pytest.raises(errors.Invalid):
                schema.sync("nonsense")


def test_the_scripts_are_no_package() -> None:
    assert (script_location() / "env.py").is_file()
    assert not (script_location() / "__init__.py").exists()
