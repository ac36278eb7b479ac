"""How a server comes to life: choose, claim, build, activate."""

from __future__ import annotations

import dataclasses

from nova_clone.conductor import decisions
from nova_clone.conductor.environment import Environment
from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.conductor.workflows import events, successors
from nova_clone.conductor.workflows.choosing import MOST_LOST, Chosen, hosts_for
from nova_clone.conductor.workflows.claiming import BUILD, claim_of
from nova_clone.conductor.workflows.placing import claim_place
from nova_clone.conductor.workflows.ports import with_allocations
from nova_clone.conductor.workflows.tickets import (
    Answer,
    environment,
    find_placed,
    find_server,
    host_is_up,
    patience,
    resending,
    ticket,
)
from nova_clone.contracts.compute import BuildServer, DestroyServer
from nova_clone.domain.errors import (
    Conflict,
    NotFound,
    NovaError,
    TryElsewhere,
)
from nova_clone.domain.image import Image
from nova_clone.domain.port import NetworkMode
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.domain.server.lifecycle import LIFECYCLE, Operation
from nova_clone.domain.server.status import PowerState, TaskState, VmState
from nova_clone.workflow.step import Done, Result, Retry, Step, StepContext, Workflow

RULE = LIFECYCLE[Operation.BUILD]
EVENT = "compute__do_build_and_run_instance"
PLACING_EVENT = "conductor_schedule_and_build_instances"


@dataclasses.dataclass(frozen=True, kw_only=True)
class BuildParams:
    """What a build needs beside the server's record."""

    spec: RequestSpec
    image: Image | None = None
    injected_files: tuple[tuple[str, bytes], ...] = ()


def begin(ctx: StepContext) -> Result:
    """Mark the point from which ports may exist."""
    return None


def release_ports(ctx: StepContext) -> Result:
    """Remove ports that any host made for the server; a delete that takes over does it itself."""
    params: BuildParams = ctx.params
    if successors.is_handed_over(ctx) or params.spec.networks.mode is NetworkMode.NONE:
        return None
    environment(ctx).networks.release(ctx.subject)
    return None


def choose(ctx: StepContext) -> Result:
    """Find out where the server may go."""
    params: BuildParams = ctx.params
    return Done(output=hosts_for(ctx, params.spec))


def unchoose(ctx: StepContext) -> Result:
    """Give back what was claimed together with the choice, unless a delete that takes over does."""
    chosen: Chosen | None = ctx.outputs.get("choose")
    if chosen is None or not chosen.claimed or successors.is_handed_over(ctx):
        return None
    return Done(apply=lambda work: work.placement.release(ctx.subject))


def claim(ctx: StepContext) -> Result:
    """Take the resources of the best host that still has them and assign the server to it."""
    chosen: Chosen = ctx.outputs["choose"]
    params: BuildParams = ctx.params

    def apply(work: UnitOfWork) -> None:
        taken = _claim_first(work, ctx, chosen, params.spec)
        choice = chosen.choices[taken]
        hosts = [other.host for other in chosen.choices]
        decision = decisions.placed(chosen.explanation, hosts, taken, ctx.failures)
        place = {"host": choice.host, "node": choice.node, "launched_on": choice.host}
        moved = work.servers.transition(
            ctx.subject,
            expect_vm={VmState.BUILDING},
            expect_task={TaskState.SCHEDULING},
            changes={**place, "task_state": TaskState.NETWORKING},
        )
        if not moved:
            # Somebody wants it deleted; whoever does that must know where it is.
            work.servers.update(ctx.subject, place)
        events.begin(work, ctx, EVENT, host=choice.host, decision=decision)

    return Done(apply=apply)


def _claim_first(work: UnitOfWork, ctx: StepContext, chosen: Chosen, spec: RequestSpec) -> int:
    claims = [claim_of(ctx.subject, choice, spec) for choice in chosen.choices]
    try:
        return claim_place(work, ctx, spec, chosen.choices, claims, held=chosen.claimed)
    except Conflict as error:
        lost = len(chosen.choices)
        raise TryElsewhere("Other requests took the resources first", lost=lost) from error


def release(ctx: StepContext) -> Result:
    """Give the resources back; a delete that takes over does it itself."""
    if successors.is_handed_over(ctx):
        return None

    def apply(work: UnitOfWork) -> None:
        work.placings.forget(ctx.subject)
        work.placement.release(ctx.subject)
        work.servers.update(ctx.subject, {"host": None, "node": None, "launched_on": None})
        work.servers.transition(
            ctx.subject,
            expect_vm={VmState.BUILDING},
            expect_task=set(RULE.via),
            changes={"task_state": TaskState.SCHEDULING},
        )

    return Done(apply=apply)


def ask_compute(ctx: StepContext) -> Result:
    """Send the build to the host; its answer comes as an `Answer`."""
    env = environment(ctx)
    params: BuildParams = ctx.params
    server, placing = find_placed(ctx)
    if server is None or server.host is None:
        raise NotFound(f"Instance {ctx.subject} could not be found.")
    if not host_is_up(ctx, server):
        raise TryElsewhere(f"Host {server.host} is down", host=server.host)
    chosen: Chosen = ctx.outputs["choose"]
    networks = with_allocations(ctx, params.spec.networks, chosen.choices, host=server.host)
    env.compute(server.host).build_server(
        ctx.context,
        BuildServer(
            ticket=ticket(ctx, "build"),
            server=server,
            image=params.image,
            networks=networks,
            injected_files=params.injected_files,
            admin_password=env.passwords.get(ctx.subject),
            placing=placing,
        ),
    )
    return None


def ask_cleanup(ctx: StepContext) -> Result:
    """Tell the host to remove what it may have built, and remember its failure.

    A host that is down gets the message when it is back. A delete that takes over asks
    for itself, and waits for the answer.
    """
    if successors.is_handed_over(ctx):
        return None
    server = find_server(ctx)
    if server is None or server.host is None:
        return None
    host = server.host
    environment(ctx).compute(host).destroy_server(
        ctx.context, DestroyServer(ticket=ticket(ctx, "cleanup"), server=server, keep_ports=True)
    )

    def apply(work: UnitOfWork) -> None:
        work.hosts.build_failed(host)
        error = ctx.failures[-1].error if ctx.failures else ctx.error
        events.finish(work, ctx, EVENT, error)

    return Done(apply=apply)


def _deadline(ctx: StepContext) -> float:
    return environment(ctx).settings.build_timeout or patience(ctx)


def _too_late(ctx: StepContext) -> Result:
    server = find_server(ctx)
    raise TryElsewhere("The build took too long", host=(server and server.host) or "")


def activate(ctx: StepContext) -> Result:
    """Record what the host reported: the server is ready."""
    answer: Answer = ctx.outputs["build"]
    env = environment(ctx)

    def apply(work: UnitOfWork) -> None:
        changes: dict[str, object] = {
            "power_state": answer.power_state or PowerState.RUNNING,
            "launched_at": work.now(),
            "root_device_name": answer.root_device_name,
        }
        if answer.vifs is not None:
            changes["vifs"] = answer.vifs
        moved = work.servers.transition(
            ctx.subject,
            expect_vm={VmState.BUILDING},
            expect_task={RULE.sets, *RULE.via},
            changes={**changes, "vm_state": RULE.to, "task_state": None},
        )
        if not moved:
            work.servers.update(ctx.subject, changes)
        work.hosts.build_succeeded(answer.host)
        events.finish(work, ctx, EVENT)
        env.passwords.drop(ctx.subject)

    return Done(apply=apply)


def deactivate(ctx: StepContext) -> Result:
    """Take the server for unfinished again; a delete that takes over need not know."""
    if successors.is_handed_over(ctx):
        return None

    def apply(work: UnitOfWork) -> None:
        work.servers.transition(
            ctx.subject,
            expect_vm={RULE.to},
            expect_task={None},
            changes={"vm_state": VmState.BUILDING, "task_state": RULE.via[-1]},
        )

    return Done(apply=apply)


def fail(ctx: StepContext, error: NovaError) -> Result:
    """Leave the server in ERROR with a fault that tells why."""
    env = environment(ctx)

    def apply(work: UnitOfWork) -> None:
        # A claim that was made together with others has no mark of its own in the journal.
        work.placement.release(ctx.subject)
        work.servers.transition(
            ctx.subject,
            expect_vm={VmState.BUILDING},
            expect_task=None,
            changes={"vm_state": VmState.ERROR, "task_state": None},
        )
        decision = decisions.failed(error, ctx.failures)
        events.record_failure(work, ctx, error, event=PLACING_EVENT, decision=decision)
        env.passwords.drop(ctx.subject)

    return Done(apply=apply)


def interrupted(ctx: StepContext, error: NovaError) -> Result:
    """Make way for the work that interrupted the build, or fail if there is none."""
    return successors.hand_over(ctx, error) or fail(ctx, error)


def build_server(env: Environment) -> Workflow:
    """Return the workflow that builds a server."""
    return Workflow(
        kind=BUILD,
        params_type=BuildParams,
        steps=(
            Step(name="begin", do=begin, undo=release_ports, pure=True),
            Retry(
                name="place",
                over=lambda _outputs: MOST_LOST + env.settings.max_build_attempts,
                steps=(
                    Step(name="choose", do=choose, undo=unchoose, pure=True, output=Chosen),
                    Step(name="claim", do=claim, undo=release, pure=True),
                    Step(
                        name="build",
                        do=ask_compute,
                        undo=ask_cleanup,
                        wait=resending(deadline=_deadline, on_deadline=_too_late),
                        output=Answer,
                    ),
                ),
            ),
            Step(name="activate", do=activate, undo=deactivate, pure=True),
        ),
        on_failure=fail,
        on_interrupt=interrupted,
    )
