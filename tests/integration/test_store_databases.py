"""The store's own tests, on the servers that are given by their URLs."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from nova_clone.conductor.store.session import TableSet
from nova_clone.conductor.store.unit_of_work import Store
from tests.unit.conductor.store.databases import MakeStore, empty, settings, sync
from tests.unit.conductor.store.test_hosts import (  # noqa: F401 - run here again
    TestAggregates,
    TestFeed,
    TestHypervisors,
    TestServices,
)
from tests.unit.conductor.store.test_journal import TestSqlJournal  # noqa: F401
from tests.unit.conductor.store.test_migrations import TestMigrations  # noqa: F401
from tests.unit.conductor.store.test_nouns import (  # noqa: F401
    TestActions,
    TestCells,
    TestFlavors,
    TestKeypairs,
    TestQuotas,
    TestRequestSpecs,
)
from tests.unit.conductor.store.test_placement import (  # noqa: F401
    TestAllocations,
    TestChanges,
    TestHostProviders,
    TestInventories,
    TestProviders,
)
from tests.unit.conductor.store.test_servers import (  # noqa: F401
    TestServerChanges,
    TestServerCounts,
    TestServerLists,
    TestServers,
)
from tests.unit.conductor.store.test_transactions import TestTransactions

pytestmark = pytest.mark.integration

SERVERS = {
    name: os.environ[variable]
    for name, variable in (
        ("mariadb", "NOVA_CLONE_TEST_MARIADB_URL"),
        ("postgresql", "NOVA_CLONE_TEST_POSTGRESQL_URL"),
    )
    if variable in os.environ
}


@pytest.fixture(scope="session", params=sorted(SERVERS) or [None])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database that is made for this run and dropped after it."""
    if request.param is None:
        pytest.skip("No URL of a database server is set.")
    server = sa.make_url(SERVERS[request.param])
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
        connection.execute(sa.text(f"DROP DATABASE {name}"))
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


def test_time_is_the_servers(store: Store) -> None:
    now = store.read(lambda work: work.now())
    with store.database(TableSet.CELL).engine.connect() as connection:
        dialect = connection.dialect.name
        clock = "UTC_TIMESTAMP(6)" if dialect == "mysql" else "now() AT TIME ZONE 'UTC'"
        later = connection.execute(sa.text(f"SELECT {clock}")).scalar_one()
    assert 0 <= (later - now.replace(tzinfo=None)).total_seconds() < 60


def test_deadlocks_are_met_and_repeated(store: Store) -> None:
    """The crosswise writers of `TestTransactions` do meet on a server."""
    calls: list[int] = []
    original = store.begin

    def counting(**options: Any) -> Any:
        calls.append(1)
        return original(**options)

    store.begin = counting  # type: ignore[method-assign]
    TestTransactions().test_two_who_lock_crosswise_both_succeed(store)
    assert len(calls) > 5
