"""Work that takes the place of other work on the same server.

One live workflow per server is a rule of the store. A request that overrides what is
going on interrupts it and leaves the description of its own work as the reason; the
interrupted workflow makes that work in the very transaction in which it ends.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.conductor.workflows.tickets import environment
from nova_clone.domain.errors import Interrupted, NovaError
from nova_clone.domain.identity import RequestContext, WorkflowId
from nova_clone.workflow.journal import WorkflowRow
from nova_clone.workflow.outcome import decode, encode
from nova_clone.workflow.step import Done, Result, StepContext


@dataclasses.dataclass(frozen=True, kw_only=True)
class Successor:
    """A workflow to come: its future row's id, its kind, parameters and caller."""

    id: str
    kind: str
    params: Any
    context: RequestContext


def reason_for(row: WorkflowRow) -> str:
    """Return the interrupt reason that lets `row` follow the interrupted workflow."""
    return encode(
        Successor(
            id=row.id,
            kind=row.kind,
            params=decode(row.params),
            context=decode(row.context, RequestContext),
        )
    )


def successor_in(error: NovaError | None) -> Successor | None:
    """Return the work that an interrupt announces; ``None`` for any other error."""
    if not isinstance(error, Interrupted):
        return None
    try:
        successor: Successor = decode(error.message, Successor)
    except ValueError:
        return None
    return successor


def is_handed_over(ctx: StepContext) -> bool:
    """Tell whether a successor will take care of all that the server holds."""
    return successor_in(ctx.error) is not None


def hand_over(ctx: StepContext, error: NovaError) -> Result:
    """End the interrupted workflow by starting the one that interrupted it.

    Without one (an operator's interrupt) nothing starts, and the caller records the end.
    """
    successor = successor_in(error)
    if successor is None:
        return None
    row = WorkflowRow(
        id=WorkflowId(successor.id),
        kind=successor.kind,
        subject=ctx.subject,
        params=encode(successor.params),
        context=encode(successor.context),
    )

    def apply(work: UnitOfWork) -> None:
        work.actions.fail(ctx.subject, ctx.context.request_id)
        environment(ctx).journal.create(row, work)

    return Done(apply=apply, wake=(row.id,))
