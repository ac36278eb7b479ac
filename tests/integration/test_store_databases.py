"""The store's own tests, on the servers that are given by their URLs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from nova_clone.conductor.store.session import TableSet
from nova_clone.conductor.store.tables import placement
from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.workflow.journal import Lease
from tests.integration.conftest import a_database
from tests.unit.conductor import test_strangers
from tests.unit.conductor.store.databases import MakeStore, empty, settings
from tests.unit.conductor.store.records import a_claim, a_keypair
from tests.unit.conductor.store.test_aggregates import TestMembership  # noqa: F401
from tests.unit.conductor.store.test_claims import TestClaims, TestGroupClaims  # noqa: F401
from tests.unit.conductor.store.test_host_trees import (  # noqa: F401
    TestAdditions,
    TestComponents,
    TestHealing,
    TestReshape,
    TestTogether,
    TestTraits,
)
from tests.unit.conductor.store.test_host_trees import (
    TestInventories as TestHostInventories,  # noqa: F401
)
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
    TestInventories,
    TestProviders,
)
from tests.unit.conductor.store.test_placement_following import (  # noqa: F401
    TestFollowing,
    make,
)
from tests.unit.conductor.store.test_server_groups import TestServerGroups  # noqa: F401
from tests.unit.conductor.store.test_servers import (  # noqa: F401
    TestServerChanges,
    TestServerCounts,
    TestServerLists,
    TestServers,
)
from tests.unit.conductor.store.test_transactions import TestTransactions
from tests.unit.workflow.journal_conformance import a_row

pytestmark = pytest.mark.integration


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


def session_of(work: Any) -> int:
    """Return the number by which the server knows the connection of a transaction."""
    connection = work.cell_db
    mysql = connection.dialect.name == "mysql"
    query = "SELECT CONNECTION_ID()" if mysql else "SELECT pg_backend_pid()"
    return int(connection.execute(sa.text(query)).scalar_one())


def end_session(engine: sa.Engine, number: int) -> None:
    mysql = engine.dialect.name == "mysql"
    command = f"KILL {number}" if mysql else f"SELECT pg_terminate_backend({number})"
    with engine.connect() as connection:
        connection.execute(sa.text(command))


def test_lost_connections_are_replaced(store: Store, make_store: MakeStore) -> None:
    engine = make_store().database(TableSet.CELL).engine

    def lose(work: Any) -> int:
        work.keypairs.add(a_keypair())
        if len(lost) < 2:
            lost.append(session_of(work))
            end_session(engine, lost[-1])
        return int(work.keypairs.count("user-1"))

    lost: list[int] = []
    assert store.run(lose) == 1
    assert len(set(lost)) == 2
    for idle in (store.run(session_of), store.read(session_of)):
        end_session(engine, idle)
    assert store.read(lambda work: work.keypairs.count("user-1")) == 1
    store.run(lambda work: work.keypairs.delete("user-1", "mine"))


def test_conductors_share_the_work_that_is_due(store: Store, make_store: MakeStore) -> None:
    """Several sweep at once, and nothing is taken twice."""
    rows = [a_row() for _ in range(30)]
    with store.begin() as work:
        for row in rows:
            store.journal.create(row, work)

    def sweep(owner: str) -> list[str]:
        journal, taken = make_store().journal, []
        while ids := journal.lease_due(Lease(owner=owner, seconds=60.0), limit=4):
            taken += ids
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = [workflow for ids in pool.map(sweep, "abcd") for workflow in ids]
    assert len(taken) == len(set(taken))
    left = store.journal.lease_due(Lease(owner="e", seconds=60.0), limit=99)
    assert {*taken, *left} == {row.id for row in rows}


_WAITING = {
    "mysql": "SELECT count(*) FROM information_schema.innodb_trx"
    " JOIN information_schema.processlist ON trx_mysql_thread_id = id"
    " WHERE trx_state = 'LOCK WAIT' AND db = DATABASE()",
    "postgresql": "SELECT count(*) FROM pg_stat_activity"
    " WHERE wait_event_type = 'Lock' AND datname = current_database()",
}


def wait_for_a_lock(store: Store) -> None:
    """Return as soon as a transaction waits for another one."""
    engine = store.database(TableSet.PLACEMENT).engine
    query = sa.text(_WAITING[engine.dialect.name])
    for _ in range(300):
        with engine.connect() as connection:
            if connection.execute(query).scalar_one():
                return
        # MariaDB looks anew only when nobody has asked for a tenth of a second.
        threading.Event().wait(0.15)
    raise AssertionError("Nobody waits.")


def test_changes_are_numbered_in_the_order_of_their_commits(
    store: Store, make_store: MakeStore
) -> None:
    """Nobody can commit with a higher number while a lower one is still to come."""
    first, second = make(store, "first"), make(store, "second")
    start = store.read(lambda work: work.placement.changes(0)).sequence
    other, reader = make_store(), make_store()

    def overtake() -> None:
        other.run(lambda work: work.placement.claim(a_claim(second.id)))

    def seen() -> list[str]:
        found = reader.read(lambda work: work.placement.changes(start))
        return sorted(provider.id for provider in found.providers)

    with ThreadPoolExecutor(1) as pool:
        with store.begin() as work:
            work.placement.claim(a_claim(first.id))
            work.sequence(TableSet.PLACEMENT, placement.sequences, "providers").flush()
            overtaking = pool.submit(overtake)
            wait_for_a_lock(reader)
            assert seen() == []
        overtaking.result(timeout=60)
    assert seen() == sorted((first.id, second.id))


@pytest.fixture
def apart(database_server: str, database_url: str) -> Iterator[Store]:
    """A store whose global tables are in a database of their own."""
    with a_database(database_server) as url:
        store = Store(settings(url, database_url, database_url))
        yield store
        empty(store)
        store.close()


class TestStrangers(test_strangers.TestStrangers):
    """Members of groups, with databases that let two write at once."""

    def meet(self, store: Store) -> None:
        """Return when the look waits for the create."""
        wait_for_a_lock(store)
