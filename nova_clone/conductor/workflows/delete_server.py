"""How a server goes: its guest, its ports, its resources, its record."""

from __future__ import annotations

import dataclasses

from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.conductor.workflows import events
from nova_clone.conductor.workflows.tickets import (
    RESEND_AFTER,
    Answer,
    environment,
    find_server,
    host_is_up,
    resending,
    ticket,
)
from nova_clone.contracts.compute import DestroyServer
from nova_clone.domain.errors import NovaError
from nova_clone.domain.server.lifecycle import LIFECYCLE, Operation
from nova_clone.domain.server.status import VmState
from nova_clone.workflow.step import Done, Nap, Result, Step, StepContext, Workflow

RULE = LIFECYCLE[Operation.DELETE]
EVENT = "compute_terminate_instance"


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeleteParams:
    """A deletion needs nothing beside the server."""


def ask_compute(ctx: StepContext) -> Result:
    """Send the removal to the host; without a host that answers there is nothing to ask.

    A host that is down removes what it has when it comes back and finds the server gone.
    """
    env = environment(ctx)
    server = find_server(ctx)
    host = server.host if server else None
    if server is None or host is None or not host_is_up(ctx, server):
        return Done(answered=True, output=Answer())

    env.compute(host).destroy_server(
        ctx.context, DestroyServer(ticket=ticket(ctx, "destroy"), server=server)
    )
    return None


def _go_on_waiting(ctx: StepContext) -> Result:
    return Nap(RESEND_AFTER)


def release_ports(ctx: StepContext) -> Result:
    """Remove the ports that no host has removed."""
    answer: Answer = ctx.outputs["destroy"]
    if not answer.host:
        environment(ctx).networks.release(ctx.subject)
    return None


def finish(ctx: StepContext) -> Result:
    """Give the resources back and close the record."""
    env = environment(ctx)

    def apply(work: UnitOfWork) -> None:
        work.server_groups.leave(ctx.subject)
        work.placings.forget(ctx.subject)
        work.placement.release(ctx.subject)
        work.servers.mark_deleted(ctx.subject)
        events.record(work, ctx, EVENT)
        env.passwords.drop(ctx.subject)

    return Done(apply=apply)


def fail(ctx: StepContext, error: NovaError) -> Result:
    """Leave the server in ERROR; it can be deleted again."""

    def apply(work: UnitOfWork) -> None:
        work.servers.transition(
            ctx.subject,
            expect_vm=None,
            expect_task=None,
            changes={"vm_state": VmState.ERROR, "task_state": None},
        )
        events.record_failure(work, ctx, error, event=EVENT)

    return Done(apply=apply)


def delete_server() -> Workflow:
    """Return the workflow that deletes a server."""
    return Workflow(
        kind="delete-server",
        params_type=DeleteParams,
        steps=(
            # No step has an undo: a deletion is never taken back, only completed. So the later
            # ones need no intent in the journal either; they are just done again.
            Step(
                name="destroy",
                do=ask_compute,
                wait=resending(on_deadline=_go_on_waiting),
                output=Answer,
                patience=None,
            ),
            Step(name="release-ports", do=release_ports, patience=None, pure=True),
            Step(name="finish", do=finish, pure=True),
        ),
        on_failure=fail,
    )
