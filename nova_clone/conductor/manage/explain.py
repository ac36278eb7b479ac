"""``nova-manage scheduler explain``: why servers are where they are, or nowhere."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from nova_clone.conductor import decisions
from nova_clone.conductor.manage.session import Desk, subcommand
from nova_clone.conductor.store.actions import Decided
from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.workflow.journal import WorkflowRow
from nova_clone.workflow.outcome import Failure, decode

#: Exit codes: told; nobody knows the id; known, but the scheduler has not chosen (yet).
TOLD, UNKNOWN, UNDECIDED = 0, 1, 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Story:
    """What is known about a server or a request; ``live`` is the work that goes on."""

    known: bool
    decided: tuple[Decided, ...] = ()
    live: Mapping[str, WorkflowRow] = dataclasses.field(default_factory=dict)


def add_command(parsers: Any) -> None:
    """Add the command to those of ``scheduler``."""
    parser = subcommand(
        parsers, "explain", explain, "Tell how hosts were chosen for a server or in a request."
    )
    parser.add_argument("id", metavar="SERVER|REQUEST", help="the id of a server or a request")
    parser.add_argument("--json", action="store_true", help="for programs")


def explain(desk: Desk) -> int:
    """Print every decision; 1 for an unknown id, 3 when nothing was decided."""
    wanted = desk.arguments.id
    story = desk.store.read(lambda work: _story(work, wanted))
    if not story.known:
        desk.say(f"There is no server or request {wanted}.")
        return UNKNOWN
    if desk.arguments.json:
        desk.say(json.dumps(_document(story), indent=2))
    else:
        desk.say("\n".join(_lines(story)))
    return TOLD if story.decided else UNDECIDED


def _story(work: UnitOfWork, wanted: str) -> Story:
    server_id = _uuid(wanted)
    if server_id is not None:
        decided = work.actions.decisions(server_id=server_id)
        ids: tuple[str, ...] = (server_id,)
        known = bool(decided) or work.servers.find(server_id, deleted=True) is not None
    else:
        decided = work.actions.decisions(request_id=wanted)
        ids = work.actions.servers_of(wanted)
        known = bool(ids)
    return Story(known=known, decided=decided, live=work.workflows.live(ids))


def _uuid(text: str) -> str | None:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def _lines(story: Story) -> Iterator[str]:
    if not story.decided:
        yield "The scheduler has chosen no host for it."
    for one in story.decided:
        after = (one.event.start_time - one.action_start).total_seconds()
        yield f"Server {one.server_id}, {one.action} {one.request_id} of {one.action_start}"
        yield f"  {one.event.event}, {after:.3f} s after the request: {one.event.result or 'open'}"
        for line in decisions.lines(one.decision):
            yield f"    {line}"
    for server_id, row in story.live.items():
        yield f"Server {server_id} is being worked on ({row.kind}, {row.state.value})."
        trouble = _trouble(row)
        if trouble is not None:
            yield f"  Tried {row.tries} time(s): {trouble['outcome']}, {trouble['reason']}"


def _trouble(row: WorkflowRow) -> dict[str, Any] | None:
    if row.trouble is None:
        return None
    error = decode(row.trouble, Failure).error()
    return {"outcome": decisions.failed(error).outcome.value, "reason": error.message}


def _document(story: Story) -> dict[str, Any]:
    return {
        "decisions": [
            {
                "server": one.server_id,
                "request": one.request_id,
                "action": one.action,
                "started": one.action_start.isoformat(),
                "event": one.event.event,
                "decided": one.event.start_time.isoformat(),
                "result": one.event.result,
                **msgspec.to_builtins(one.decision),
            }
            for one in story.decided
        ],
        "working": [
            {
                "server": server_id,
                "workflow": row.kind,
                "state": row.state.value,
                "tries": row.tries,
                "trouble": _trouble(row),
            }
            for server_id, row in story.live.items()
        ],
    }
