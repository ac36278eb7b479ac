"""One cloud for all tests of a run: starting it takes longer than a test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.chaos.world", "tests.chaos.steps")

from tests.chaos.world import World  # noqa: E402
from tests.processes import Layout, a_cloud_of_processes  # noqa: E402


class Worlds:
    """The one cloud of the run, until a test has left something in it."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        self._factory = factory
        self._held = contextlib.ExitStack()
        self._world: World | None = None

    def get(self) -> World:
        """Return a whole and empty cloud."""
        if self._world is None:
            folder = self._factory.mktemp("chaos")
            self._world = World(self._held.enter_context(a_cloud_of_processes(folder, Layout())))
        return self._world

    def drop(self) -> None:
        """End it."""
        self._world = None
        self._held.close()


@pytest.fixture(scope="session")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    shared = Worlds(tmp_path_factory)
    yield shared
    shared.drop()


@pytest.fixture
def world(worlds: Worlds) -> Iterator[World]:
    """A cloud that is whole and empty; a test that leaves anything in it has failed."""
    found = worlds.get()
    yield found
    try:
        found.heal()
        found.clear()
    except BaseException:
        worlds.drop()
        raise
