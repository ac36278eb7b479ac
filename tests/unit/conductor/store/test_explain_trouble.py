"""Work that is tried again says why, before there is a decision."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from nova_clone.conductor.manage import nova
from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.domain.errors import NovaError, TimedOut, Unavailable
from nova_clone.domain.identity import new_request_id, service_context
from nova_clone.workflow.journal import Commit, Lease, RowChange, WorkflowState, new_workflow
from nova_clone.workflow.outcome import Failure, encode
from nova_clone.workflow.step import Step, Workflow
from tests.unit.conductor.store.databases import settings, sqlite_url, sync
from tests.unit.conductor.store.records import a_server, an_action

IDLE = Workflow(kind="idle", params_type=None, steps=(Step(name="rest", do=lambda _ctx: None),))


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (TimedOut("No answer from placement came in time.", topic="placement"), "placement"),
        (Unavailable("Nobody serves scheduler.", topic="scheduler"), "scheduler"),
    ],
)
def test_who_cannot_be_reached_is_told(tmp_path: Path, error: NovaError, outcome: str) -> None:
    url = sqlite_url(tmp_path / "all")
    store = Store(settings(url, url, url))
    sync(store)
    server = a_server()
    action = an_action(server.id, request_id=new_request_id())
    row = new_workflow(IDLE, subject=server.id, params=None, context=service_context())
    with store.begin() as work:
        work.servers.add(server)
        work.actions.start(action)
        store.journal.create(row, work)
    store.journal.lease(row.id, Lease(owner="me", seconds=60))
    trouble = RowChange(
        state=WorkflowState.NAPPING, epoch=0, tries=3, trouble=encode(Failure.of(error))
    )
    store.journal.commit(Commit(id=row.id, owner="me", marks=(), change=trouble))
    path = tmp_path / "nova.conf"
    path.write_text(f"[database]\nconnection = {url}\n")

    def explain(*words: str) -> tuple[int, str]:
        output = io.StringIO()
        command = ("--config-file", str(path), "scheduler", "explain", server.id, *words)
        return nova.main(command, output=output), output.getvalue()

    code, text = explain()
    assert code == 3
    assert "The scheduler has chosen no host for it." in text
    assert "is being worked on (idle, napping)" in text
    assert f"Tried 3 time(s): {outcome} unreachable, {error.message}" in text
    code, text = explain("--json")
    (working,) = json.loads(text)["working"]
    assert working["trouble"] == {"outcome": f"{outcome} unreachable", "reason": error.message}
