"""How a guest is started, stopped and rebooted."""

from __future__ import annotations

import dataclasses

from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.conductor.workflows import events, successors
from nova_clone.conductor.workflows.tickets import (
    Answer,
    environment,
    find_placed,
    host_is_up,
    resending,
    ticket,
)
from nova_clone.contracts.compute import PowerAction, PowerServer
from nova_clone.domain.errors import NotFound, NovaError, Unavailable
from nova_clone.domain.server.lifecycle import LIFECYCLE, Operation, Rule
from nova_clone.domain.server.status import PowerState
from nova_clone.workflow.step import Done, Result, Step, StepContext, Workflow

#: Operation → what the host is asked for, and the event that tells of it.
POWER = {
    Operation.START: (PowerAction.START, "compute_start_instance"),
    Operation.STOP: (PowerAction.STOP, "compute_stop_instance"),
    Operation.SOFT_REBOOT: (PowerAction.SOFT_REBOOT, "compute_reboot_instance"),
    Operation.HARD_REBOOT: (PowerAction.HARD_REBOOT, "compute_reboot_instance"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class PowerParams:
    """Which operation it is."""

    operation: Operation


def _rule(ctx: StepContext) -> Rule:
    params: PowerParams = ctx.params
    return LIFECYCLE[params.operation]


def ask_compute(ctx: StepContext) -> Result:
    """Send the operation to the server's host."""
    env = environment(ctx)
    params: PowerParams = ctx.params
    server, placing = find_placed(ctx)
    if server is None or server.host is None:
        raise NotFound(f"Instance {ctx.subject} could not be found.")
    if not host_is_up(ctx, server):
        raise Unavailable(f"Host {server.host} is down")
    action, _event = POWER[params.operation]
    env.compute(server.host).power_server(
        ctx.context,
        PowerServer(ticket=ticket(ctx, "power"), server=server, action=action, placing=placing),
    )
    return None


def finish(ctx: StepContext) -> Result:
    """Record the state that the guest is in now."""
    answer: Answer = ctx.outputs["power"]
    params: PowerParams = ctx.params
    rule = _rule(ctx)
    _action, event = POWER[params.operation]

    def apply(work: UnitOfWork) -> None:
        power = answer.power_state if answer.power_state is not None else rule.power
        seen = {"power_state": power or PowerState.NOSTATE}
        moved = work.servers.transition(
            ctx.subject,
            expect_vm=rule.frm,
            expect_task={rule.sets, *rule.via},
            changes={**seen, "vm_state": rule.to, "task_state": None},
        )
        if not moved:
            work.servers.update(ctx.subject, seen)
        events.record(work, ctx, event, host=answer.host)

    return Done(apply=apply)


def fail(ctx: StepContext, error: NovaError) -> Result:
    """Leave the server as it was, or in ERROR where its guest cannot be trusted any more."""
    rule = _rule(ctx)
    params: PowerParams = ctx.params
    _action, event = POWER[params.operation]

    def apply(work: UnitOfWork) -> None:
        changes: dict[str, object] = {"task_state": None}
        if rule.on_failure is not None:
            changes["vm_state"] = rule.on_failure
        work.servers.transition(
            ctx.subject,
            expect_vm=rule.frm,
            expect_task={rule.sets, *rule.via},
            changes=changes,
        )
        events.record_failure(work, ctx, error, event=event)

    return Done(apply=apply)


def interrupted(ctx: StepContext, error: NovaError) -> Result:
    """Make way for the work that interrupted the operation, or fail if there is none."""
    return successors.hand_over(ctx, error) or fail(ctx, error)


def power_server() -> Workflow:
    """Return the workflow of all four power operations."""
    return Workflow(
        kind="power-server",
        params_type=PowerParams,
        steps=(
            # No undo: what a guest's power was before is not worth going back to.
            Step(
                name="power",
                do=ask_compute,
                wait=resending(),
                output=Answer,
            ),
            Step(name="finish", do=finish, pure=True),
        ),
        on_failure=fail,
        on_interrupt=interrupted,
    )
