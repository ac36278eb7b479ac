from __future__ import annotations

import contextlib
from typing import Any

import pytest

from nova_clone.conductor.store.unit_of_work import Store
from tests.laws import Clock
from tests.unit.conductor.store.databases import MakeStore
from tests.unit.workflow.journal_conformance import JournalConformance


class TestSqlJournal(JournalConformance):
    @pytest.fixture
    def clocked(self, make_store: MakeStore, clock: Clock) -> Store:
        return make_store(clock=clock.now)

    @pytest.fixture
    def journal(self, clocked: Store) -> Any:
        self.store = clocked
        return clocked.journal

    def begin(self, journal: Any) -> contextlib.AbstractContextManager[Any]:
        return self.store.begin()

    def write(self, work: Any, value: str) -> None:
        work.quotas.set_limits("project", {"cores": {"one": 1, "two": 2}.get(value, 3)})

    def read(self, journal: Any) -> str | None:
        limits = self.store.read(lambda work: work.quotas.limits("project", {}))
        return {None: None, 1: "one", 2: "two"}.get(limits.get("cores"), "other")
