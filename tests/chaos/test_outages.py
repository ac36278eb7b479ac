"""The broker or the database goes away while servers are being built."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.mariadb import PrivateMariaDb
from tests.chaos.steps import Fifos
from tests.chaos.world import LOOK, World
from tests.cloud import eventually
from tests.processes import Layout, a_cloud_of_processes

pytestmark = pytest.mark.chaos

#: Seconds that many builds may take once broker or database are back.
PATIENCE = 180.0


def test_all_builds_end_well_though_the_broker_restarts(world: World) -> None:
    broker = world.cloud.broker
    build_meanwhile(world, 50, broker.stop, broker.start)


@pytest.fixture
def own_world(tmp_path: Path) -> Iterator[World]:
    """A cloud on a database that may be killed."""
    with PrivateMariaDb(tmp_path / "mariadb").running() as mariadb:
        layout = Layout(database=mariadb.url)
        folder = tmp_path / "cloud"
        folder.mkdir()
        with a_cloud_of_processes(folder, layout) as cloud:
            world = World(cloud)
            world.mariadb = mariadb
            yield world


def test_all_builds_end_well_though_the_database_is_killed(own_world: World) -> None:
    mariadb = own_world.mariadb
    assert isinstance(mariadb, PrivateMariaDb)
    build_meanwhile(own_world, 20, mariadb.kill9, mariadb.start)
    own_world.clear()


def build_meanwhile(
    world: World, count: int, take_away: Callable[[], None], bring_back: Callable[[], None]
) -> None:
    *first, last = range(count // 10)
    for number in first:
        world.create(f"many-{number}", min_count=10, max_count=10)
    # Some are built and some are not, however long the outage takes to come.
    eventually(world.guests, what="a first guest", look=LOOK)
    held = Fifos(world, "launch")
    try:
        world.create(f"many-{last}", min_count=10, max_count=10)
        assert world.unfinished()
        take_away()
    finally:
        held.let_go()
    bring_back()
    world.settled(PATIENCE)

    servers = world.check()

    assert [server.status for server in servers] == ["ACTIVE"] * count
