from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nova_clone.conductor.store.unit_of_work import Store
from tests.unit.conductor.store.databases import MakeStore, settings, sqlite_url, sync


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("store") / "template.sqlite"
    store = Store(settings(sqlite_url(path)))
    sync(store)
    store.close()
    return path


@pytest.fixture
def make_store(template: Path, tmp_path: Path) -> Iterator[MakeStore]:
    path = tmp_path / "store.sqlite"
    shutil.copy(template, path)
    stores = []

    def make(clock: Any = None, **changes: Any) -> Store:
        store = Store(settings(sqlite_url(path), **changes), clock=clock)
        stores.append(store)
        return store

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return make_store()
