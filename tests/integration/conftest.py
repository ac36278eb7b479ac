"""Databases on the servers that are given by their URLs."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from nova_clone.conductor.store.unit_of_work import Store
from tests.unit.conductor.store.databases import MakeStore, empty, settings, sync

SERVERS = {
    name: os.environ[variable]
    for name, variable in (
        ("mariadb", "NOVA_CLONE_TEST_MARIADB_URL"),
        ("postgresql", "NOVA_CLONE_TEST_POSTGRESQL_URL"),
    )
    if variable in os.environ
}


@pytest.fixture(scope="session", params=sorted(SERVERS) or ["none"])
def database_server(request: pytest.FixtureRequest) -> str:
    """The URL of a database server."""
    if request.param not in SERVERS:
        pytest.fail("No URL of a database server is set.")
    return SERVERS[request.param]


@pytest.fixture(scope="module")
def database_url(database_server: str) -> Iterator[str]:
    """The URL of a database that is made for these tests and dropped after them."""
    with a_database(database_server) as url:
        yield url


@contextlib.contextmanager
def a_database(server_url: str) -> Iterator[str]:
    """Make a database with tables, yield its URL and drop it."""
    server = sa.make_url(server_url)
    name = f"nova_clone_{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    url = server.set(database=name).render_as_string(hide_password=False)
    store = Store(settings(url))
    sync(store)
    store.close()
    yield url
    with engine.connect() as connection:
        # Sessions that were closed just now may be there for a moment.
        force = " WITH (FORCE)" if connection.dialect.name == "postgresql" else ""
        connection.execute(sa.text(f"DROP DATABASE {name}{force}"))
    engine.dispose()


@pytest.fixture
def make_store(database_url: str) -> Iterator[MakeStore]:
    stores: list[Store] = []

    def make(clock: Any = None, **changes: Any) -> Store:
        stores.append(Store(settings(database_url, **changes), clock=clock))
        return stores[-1]

    yield make
    if stores:
        empty(stores[0])
    for store in stores:
        store.close()


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return make_store()
