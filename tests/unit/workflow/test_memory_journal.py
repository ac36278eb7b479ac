from __future__ import annotations

import contextlib
from typing import Any

import pytest

from nova_clone.workflow.memory import MemoryJournal
from tests.laws import Clock
from tests.unit.workflow.journal_conformance import JournalConformance


class TestMemoryJournal(JournalConformance):
    @pytest.fixture
    def journal(self, clock: Clock) -> MemoryJournal:
        return MemoryJournal(clock=clock.now)

    def begin(self, journal: Any) -> contextlib.AbstractContextManager[Any]:
        return journal.begin()

    def write(self, work: Any, value: str) -> None:
        work.tables["value"] = value

    def read(self, journal: Any) -> str | None:
        return journal.tables.get("value")
