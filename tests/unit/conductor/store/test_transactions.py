from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from oslo_db import exception as db_errors

from nova_clone.conductor.store.placement.claims import Claim
from nova_clone.conductor.store.session import TableSet
from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.domain import errors
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.request_spec import GroupPlacement
from tests.unit.conductor.store.databases import MakeStore, settings, sqlite_url, sync
from tests.unit.conductor.store.records import (
    a_claim,
    a_keypair,
    a_provider,
    a_server,
    a_spec,
)


def keypairs(store: Store) -> int:
    return store.read(lambda work: work.keypairs.count("user-1"))


class TestTransactions:
    def test_an_exception_undoes_everything(self, store: Store) -> None:
        def fail(work: Any) -> None:
            work.keypairs.add(a_keypair())
            a_provider(work)
            raise KeyError

        with pytest.raises(KeyError):
            store.run(fail)
        assert keypairs(store) == 0
        assert store.read(lambda work: work.placement.changes(0)).providers == ()

    @pytest.mark.parametrize(
        "trouble",
        [
            db_errors.DBDeadlock(),
            db_errors.DBConnectionError(),
            db_errors.RetryRequest(ValueError()),
            db_errors.DBError(Exception("database is locked")),
        ],
    )
    def test_trouble_repeats_the_whole_transaction(self, store: Store, trouble: Exception) -> None:
        troubles = [trouble, trouble]

        def add(work: Any) -> str:
            work.keypairs.add(a_keypair())
            if troubles:
                raise troubles.pop()
            return "done"

        assert store.run(add) == "done"
        assert keypairs(store) == 1

    def test_lasting_trouble_is_unavailable(self, make_store: MakeStore) -> None:
        store = make_store(retries=2)
        calls = []

        def fail(work: Any) -> None:
            calls.append(work)
            raise db_errors.DBConnectionError

        with pytest.raises(errors.Unavailable):
            store.run(fail)
        assert len(calls) == 3

    def test_other_errors_are_not_repeated(self, store: Store) -> None:
        calls = []

        def fail(work: Any) -> None:
            calls.append(work)
            raise db_errors.DBDuplicateEntry

        with pytest.raises(db_errors.DBDuplicateEntry):
            store.run(fail)
        assert len(calls) == 1

    def test_two_who_lock_crosswise_both_succeed(self, store: Store) -> None:
        servers = [store.run(lambda work: work.servers.add(a_server())) for _ in range(2)]
        # Where writers exclude each other there is no meeting, and no deadlock.
        alone = store.settings.cell_url.startswith("sqlite")
        meeting = threading.Barrier(2, timeout=0.5 if alone else 60)

        def rename(order: list[int]) -> None:
            met = threading.Event()

            def change(work: Any) -> None:
                work.servers.update(servers[order[0]].id, {"name": "changed"})
                # Who loses a deadlock comes again, and meets nobody.
                if not met.is_set():
                    met.set()
                    with contextlib.suppress(threading.BrokenBarrierError):
                        meeting.wait()
                work.servers.update(servers[order[1]].id, {"description": str(order)})

            store.run(change)

        threads = [threading.Thread(target=rename, args=(order,)) for order in ([0, 1], [1, 0])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = store.read(lambda work: [work.servers.get(server.id) for server in servers])
        assert [server.name for server in found] == ["changed", "changed"]
        assert all(server.description for server in found)

    def test_readers_do_not_wait_for_a_writer(self, store: Store) -> None:
        with store.begin() as work:
            work.keypairs.add(a_keypair())
            assert keypairs(store) == 0
        assert keypairs(store) == 1

    def test_the_clock_stands_still_within_a_transaction(self, store: Store) -> None:
        with store.begin() as work:
            assert work.now() == work.now()
            assert work.now().tzinfo is not None


class TestMemory:
    def test_a_database_in_memory_serves_all_threads(self) -> None:
        store = Store(settings("sqlite://"))
        sync(store)
        threads = [
            threading.Thread(
                target=store.run,
                args=(lambda work, n=n: work.keypairs.add(a_keypair(name=str(n))),),
            )
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert keypairs(store) == 4
        store.close()


class Stumbling:
    """The databases of a store, of which one fails at its next commit."""

    def __init__(self, store: Store, table_set: TableSet) -> None:
        self.engine = store.database(table_set).engine

    def __enter__(self) -> None:
        sa.event.listen(self.engine, "commit", self.stumble)

    def __exit__(self, *_: object) -> None:
        sa.event.remove(self.engine, "commit", self.stumble)

    def stumble(self, _connection: Any) -> None:
        raise db_errors.DBConnectionError


@pytest.fixture
def apart(tmp_path: Path) -> Any:
    """A store with a database for each set."""
    store = Store(settings(*(sqlite_url(tmp_path / name) for name in "gcp")))
    sync(store)
    yield store
    store.close()


class TestSetsApart:
    def test_each_set_has_its_own_tables(self, apart: Store) -> None:
        tables = {
            table_set: set(sa.inspect(apart.database(table_set).engine).get_table_names())
            for table_set in TableSet
        }
        assert "flavors" in tables[TableSet.GLOBAL]
        assert "servers" in tables[TableSet.CELL]
        assert "providers" in tables[TableSet.PLACEMENT]
        assert not tables[TableSet.GLOBAL] & tables[TableSet.CELL]
        assert not tables[TableSet.CELL] & tables[TableSet.PLACEMENT]

    def test_one_unit_of_work_spans_them(self, apart: Store) -> None:
        server = a_server()

        def fill(work: Any) -> None:
            work.servers.add(server)
            work.request_specs.put(server.id, a_spec())
            provider = a_provider(work)
            work.placement.claim(a_claim(provider.id, consumer_id=server.id))

        apart.run(fill)

        def look(work: Any) -> tuple[str, str, int]:
            return (
                work.servers.get(server.id).id,
                work.request_specs.get(server.id).project_id,
                work.placement.changes(0).providers[0].consumers,
            )

        assert apart.read(look) == (server.id, "project-1", 1)

    def test_the_cell_is_committed_last(self, apart: Store) -> None:
        server = a_server()

        def fill(work: Any) -> None:
            work.servers.add(server)
            work.request_specs.put(server.id, a_spec())

        with Stumbling(apart, TableSet.CELL), pytest.raises(errors.Unavailable):
            apart.run(fill)
        assert apart.read(lambda work: work.servers.find(server.id)) is None
        assert apart.read(lambda work: work.request_specs.get(server.id)) == a_spec()
        apart.run(fill)
        assert apart.read(lambda work: work.servers.get(server.id)).id == server.id

    def test_a_first_commit_that_fails_leaves_nothing(self, apart: Store) -> None:
        server_id = new_uuid()

        def fill(work: Any) -> None:
            work.servers.add(a_server(id=server_id))
            work.request_specs.put(server_id, a_spec())

        with Stumbling(apart, TableSet.GLOBAL), pytest.raises(errors.Unavailable):
            apart.run(fill)
        assert apart.read(lambda work: work.servers.find(server_id)) is None
        with pytest.raises(errors.NotFound):
            apart.read(lambda work: work.request_specs.get(server_id))

    def test_a_claim_that_is_repeated_counts_once_in_its_group(self, apart: Store) -> None:
        group = GroupPlacement(id=new_uuid(), policy="anti-affinity")
        server, other = a_server(), a_server()
        node = apart.run(a_provider)
        apart.run(lambda work: work.servers.add(server))

        def claim(work: Any, server_id: str = server.id) -> None:
            allocation = a_claim(node.id, consumer_id=server_id)
            work.placement.claim_first([Claim(host="node-1", allocation=allocation)], group=group)
            work.servers.update(server_id, {"host": "node-1"})

        with Stumbling(apart, TableSet.CELL), pytest.raises(errors.Unavailable):
            apart.run(claim)
        apart.run(claim)
        assert apart.read(lambda work: work.placement.group_members(group.id)) == {"node-1": 1}
        with pytest.raises(errors.Conflict):
            apart.run(lambda work: claim(work, other.id))
