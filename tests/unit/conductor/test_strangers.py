"""Members of server groups whose servers never came."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from nova_clone.conductor import strangers
from nova_clone.conductor.audit import Findings, differences, read_records
from nova_clone.conductor.store.cells import CellMapping
from nova_clone.conductor.store.session import TableSet
from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.domain import errors
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.server_group import ServerGroup
from tests.unit.conductor.store.databases import settings, sqlite_url, sync
from tests.unit.conductor.store.records import a_server, a_spec
from tests.unit.conductor.store.test_transactions import Stumbling


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Store]:
    """A store with a database for each set."""
    store = Store(settings(*(sqlite_url(tmp_path / name) for name in "gcp")))
    sync(store)
    yield store
    store.close()


def a_group(store: Store) -> ServerGroup:
    group = ServerGroup(id="", name="g", project_id="p", user_id="u", policy="affinity")
    return store.run(lambda work: work.server_groups.add(group))


def create(store: Store, group: ServerGroup, *server_ids: str) -> None:
    """Do what a create does in its transaction."""

    def write(work: Any) -> None:
        work.server_groups.join(group.id, server_ids, user_id="u")
        work.servers.add_many([a_server(id=server_id) for server_id in server_ids])
        work.request_specs.add_many({server_id: a_spec() for server_id in server_ids})

    store.run(write)


def cut_off(store: Store, group: ServerGroup, *server_ids: str) -> None:
    """Lose the cell's database when the others are committed."""
    with Stumbling(store, TableSet.CELL), pytest.raises(errors.Unavailable):
        create(store, group, *server_ids)


def members(store: Store, group: ServerGroup) -> set[str]:
    return set(store.read(lambda work: work.server_groups.get(group.id)).members)


def complaints(store: Store) -> list[str]:
    return differences(read_records(store.read), Findings(hosts={}, ports={}))


class TestStrangers:
    def test_they_are_named_and_forgotten(self, apart: Store) -> None:
        group, here, never = a_group(apart), new_uuid(), sorted(new_uuid() for _ in range(2))
        create(apart, group, here)
        cut_off(apart, group, *never)
        assert members(apart, group) == {here, *never}
        assert sorted(line for line in complaints(apart) if "group" in line) == [
            f"server group {group.id} has the member {each}, which is no server" for each in never
        ]

        assert strangers.forget(apart) == 2
        assert members(apart, group) == {here}
        for server_id in never:
            with pytest.raises(errors.NotFound):
                apart.read(lambda work, each=server_id: work.request_specs.get(each))
        assert not any("group" in line for line in complaints(apart))
        assert strangers.forget(apart) == 0

    def test_a_server_that_comes_meanwhile_stays(
        self, apart: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        group, server_id = a_group(apart), new_uuid()
        create(apart, group, server_id)
        # As it looked a moment ago.
        monkeypatch.setattr(strangers, "find", lambda _work: {server_id: group.id})
        assert strangers.forget(apart) == 0
        assert members(apart, group) == {server_id}
        assert apart.read(lambda work: work.request_specs.get(server_id)) == a_spec()

    def test_a_look_is_no_server(self, apart: Store) -> None:
        server_id = new_uuid()
        assert not apart.run(lambda work: work.servers.came_to_be(server_id))
        assert apart.read(lambda work: work.servers.find(server_id, deleted=True)) is None
        apart.run(lambda work: work.servers.add(a_server(id=server_id)))
        assert apart.run(lambda work: work.servers.came_to_be(server_id))
        apart.run(lambda work: work.servers.mark_deleted(server_id))
        assert apart.run(lambda work: work.servers.came_to_be(server_id))

    def test_a_create_between_its_commits_is_waited_for(self, apart: Store) -> None:
        group, server_id = a_group(apart), new_uuid()
        engine = apart.database(TableSet.CELL).engine
        looks: list[Future[int]] = []
        with ThreadPoolExecutor(1) as pool:

            def between(_connection: Any) -> None:
                if not looks:
                    assert members(apart, group) == {server_id}
                    looks.append(pool.submit(strangers.forget, apart))
                    self.meet(apart)

            sa.event.listen(engine, "commit", between)
            create(apart, group, server_id)
            sa.event.remove(engine, "commit", between)
            assert looks[0].result(timeout=60) == 0
        assert members(apart, group) == {server_id}

    def meet(self, store: Store) -> None:
        """Let the look come as far as it can; files let nobody else write meanwhile."""

    def test_servers_of_other_cells_are_no_strangers(self, apart: Store) -> None:
        group, server_id = a_group(apart), new_uuid()
        cut_off(apart, group, server_id)
        for number in range(2):
            cell = CellMapping(id=f"c{number}", transport_url="", database_url=f"{number}")
            apart.run(lambda work, cell=cell: work.cells.add(cell))
        assert strangers.forget(apart) == 0
        assert members(apart, group) == {server_id}
