"""Databases for tests: SQLite files, and fresh ones on a server that is given by its URL."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from nova_clone.conductor.store.migrations import Schema
from nova_clone.conductor.store.session import TableSet
from nova_clone.conductor.store.settings import StoreSettings
from nova_clone.conductor.store.unit_of_work import Store

SETTINGS = StoreSettings(
    global_url="", cell_url="", placement_url="", sqlite_synchronous=False, retry_interval=0.001
)
MakeStore = Callable[..., Store]


def settings(*urls: str, **changes: Any) -> StoreSettings:
    """Return settings for one URL, or for one per set: global, cell, placement."""
    global_url, cell_url, placement_url = urls if len(urls) > 1 else urls * 3
    return dataclasses.replace(
        SETTINGS,
        global_url=global_url,
        cell_url=cell_url,
        placement_url=placement_url,
        **changes,
    )


def schemas(store: Store) -> list[Schema]:
    return [Schema(database=store.database(item), table_set=item) for item in TableSet]


def sync(store: Store) -> None:
    for schema in schemas(store):
        schema.sync()


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def empty(store: Store) -> None:
    """Delete every row, so that a database need not be made for each test."""
    for schema in schemas(store):
        with schema.database.engine.begin() as connection:
            for table in schema.metadata.sorted_tables:
                connection.execute(sa.delete(table))
