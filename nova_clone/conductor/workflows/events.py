"""What a workflow writes into the story of a server: events, failures, faults."""

from __future__ import annotations

from nova_clone.conductor.decisions import MAX_LENGTH, Decision, lines
from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.domain.action import ActionEvent
from nova_clone.domain.errors import Invalid, NovaError, NoValidHost, OverQuota, Unavailable
from nova_clone.domain.server.server import Fault
from nova_clone.workflow.step import StepContext

#: Errors whose own words a tenant may read.
_SPEAKING = (Invalid, OverQuota)
#: Details that the lines of a decision tell.
_TOLD = ("explanation",)
NO_HOST = "No valid host was found. There are not enough hosts available."


def begin(
    work: UnitOfWork,
    ctx: StepContext,
    event: str,
    *,
    host: str | None = None,
    decision: Decision | None = None,
) -> None:
    """Record that a part of the action began, and the decision that led to it."""
    details = "\n".join(lines(decision)) if decision is not None else None
    work.actions.begin_event(
        ctx.subject,
        ctx.context.request_id,
        ActionEvent(event=event, start_time=work.now(), host=host, details=details),
        decision=decision,
    )


def record(work: UnitOfWork, ctx: StepContext, event: str, *, host: str | None = None) -> None:
    """Record a part of the action that went well and is over already."""
    now = work.now()
    done = ActionEvent(
        event=event, start_time=now, finish_time=now, result="Success", host=host or None
    )
    work.actions.begin_event(ctx.subject, ctx.context.request_id, done)


def finish(work: UnitOfWork, ctx: StepContext, event: str, error: NovaError | None = None) -> None:
    """Record how a part of the action ended."""
    work.actions.finish_event(
        ctx.subject,
        ctx.context.request_id,
        ActionEvent(
            event=event,
            start_time=work.now(),
            result="Error" if error else "Success",
            details=describe(error) if error else None,
        ),
    )


def record_failure(
    work: UnitOfWork,
    ctx: StepContext,
    error: NovaError,
    *,
    event: str,
    decision: Decision | None = None,
) -> None:
    """Record that the action failed: on the action, in an event for admins, as a fault."""
    now = work.now()
    details = describe(error, decision)
    failed = ActionEvent(
        event=event, start_time=now, finish_time=now, result="Error", details=details
    )
    work.actions.begin_event(ctx.subject, ctx.context.request_id, failed, decision=decision)
    work.actions.fail(ctx.subject, ctx.context.request_id)
    work.servers.fault(
        ctx.subject, Fault(code=500, message=tenant_text(error), details=details, created_at=now)
    )


def tenant_text(error: NovaError) -> str:
    """Return what the owner of the server may read of `error`."""
    if isinstance(error, NoValidHost):
        return error.message if error.details.get("last_error") else NO_HOST
    if isinstance(error, _SPEAKING):
        return error.message
    if isinstance(error, Unavailable):
        return Unavailable().message
    return type(error).__name__


def describe(error: NovaError, decision: Decision | None = None) -> str:
    """Return what an admin may read of `error`: its text and everything that explains it."""
    told = [f"{type(error).__name__}: {error.message}"]
    if decision is not None:
        told.extend(lines(decision))
    told.extend(f"{name}: {value}" for name, value in error.details.items() if name not in _TOLD)
    return "\n".join(told)[:MAX_LENGTH]
