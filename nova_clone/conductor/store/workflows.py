"""Rows of the workflow journal, to look at and to clear away."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nova_clone.conductor.store.session import Session
from nova_clone.conductor.store.tables import cell
from nova_clone.workflow.journal import WorkflowRow, WorkflowState

W = cell.workflows.c
FIELDS = tuple(field.name for field in dataclasses.fields(WorkflowRow))
COLUMNS = tuple(W[name] for name in FIELDS)


class WorkflowRepository:
    """Reads workflows; only the journal moves them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def live(self, subjects: Collection[str]) -> dict[str, WorkflowRow]:
        """Return the unfinished workflow of each of `subjects` that has one."""
        query = sa.select(*COLUMNS).where(W.live_subject.in_(tuple(subjects)))
        rows = self._session.cell_db.execute(query).mappings()
        return {row["subject"]: record(row) for row in rows}

    def purge(self, before: datetime, *, limit: int = 1000) -> int:
        """Delete up to `limit` workflows that finished before a moment; return how many."""
        query = sa.select(W.id).where(W.finished_at < before).order_by(W.finished_at).limit(limit)
        ids = tuple(self._session.cell_db.execute(query).scalars())
        if ids:
            marks = cell.workflow_marks
            self._session.cell_db.execute(sa.delete(marks).where(marks.c.workflow_id.in_(ids)))
            self._session.cell_db.execute(sa.delete(cell.workflows).where(W.id.in_(ids)))
        return len(ids)


def record(row: Mapping[str, Any] | sa.RowMapping) -> WorkflowRow:
    """Return the workflow of a row that was selected as `COLUMNS`."""
    values = {name: row[name] for name in FIELDS}
    values["state"] = WorkflowState(values["state"])
    return WorkflowRow(**values)
