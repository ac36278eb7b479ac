"""How a step asks a compute host for work, and reads the answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from nova_clone.conductor.environment import Environment
from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.contracts.compute import Ticket
from nova_clone.contracts.hosts import ServiceQuery
from nova_clone.domain.placing import Placing
from nova_clone.domain.port import Vif
from nova_clone.domain.server.server import Server
from nova_clone.domain.server.status import PowerState
from nova_clone.workflow.step import StepContext, Wait

#: Seconds of silence after which a request is sent again.
RESEND_AFTER = 15.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """What a compute reports when a step ended well."""

    host: str = ""
    power_state: PowerState | None = None
    vifs: tuple[Vif, ...] | None = None
    root_device_name: str | None = None


def ticket(ctx: StepContext, step: str) -> Ticket:
    """Return the ticket of a waiting step in its present epoch."""
    return Ticket(workflow_id=ctx.workflow_id, step=step, epoch=ctx.epoch)


def environment(ctx: StepContext) -> Environment:
    """Return the services of the step, typed."""
    services = ctx.services
    if not isinstance(services, Environment):
        raise TypeError(f"workflow services are {type(services).__name__}, not Environment")
    return services


def find_server(ctx: StepContext) -> Server | None:
    """Return the workflow's server, or ``None`` when it is gone."""

    def read(work: UnitOfWork) -> Server | None:
        return work.servers.find(ctx.subject)

    return environment(ctx).store.read(read)


def find_placed(ctx: StepContext) -> tuple[Server | None, Placing]:
    """Return the workflow's server, as `find_server` does, and what its host keeps for it."""

    def read(work: UnitOfWork) -> tuple[Server | None, Placing]:
        server = work.servers.find(ctx.subject)
        if server is None or server.host is None:
            return server, Placing()
        return server, work.placings.held(server.host, server.id)

    return environment(ctx).store.read(read)


def host_is_up(ctx: StepContext, server: Server) -> bool:
    """Tell whether the compute service of a server's host answers."""
    if server.host_status != "MAINTENANCE":
        return server.host_status == "UP"
    # A host that takes no new servers may be alive or not.
    query = ServiceQuery(host=server.host, binary="nova-compute")
    found = environment(ctx).store.read(lambda work: work.hosts.services(query))
    return any(service.up for service in found)


def patience(ctx: StepContext) -> float:
    """Return how long a host that is alive may take for its answer, in seconds."""
    return environment(ctx).settings.answer_timeout


def resending(*, deadline: Callable[[StepContext], float] = patience, **options: Any) -> Wait:
    """Return a wait that asks again now and then: a message may be lost, a host may die.

    A host that got the first message knows the ticket and does the work only once.
    """
    return Wait(deadline_seconds=deadline, resend_after=RESEND_AFTER, **options)
