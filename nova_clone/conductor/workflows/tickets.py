"""How a step asks a compute host for work, and reads the answer."""

from __future__ import annotations

import dataclasses

from nova_clone.conductor.environment import Environment
from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.contracts.compute import Ticket
from nova_clone.contracts.hosts import ServiceQuery
from nova_clone.domain.errors import TryElsewhere
from nova_clone.domain.port import Vif
from nova_clone.domain.server.server import Server
from nova_clone.domain.server.status import PowerState
from nova_clone.workflow.step import Nap, Result, StepContext


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


def is_up(work: UnitOfWork, host: str) -> bool:
    """Tell whether the compute service of a host answers."""
    found = work.hosts.services(ServiceQuery(host=host, binary="nova-compute"))
    return any(service.up for service in found)


def still_waiting(ctx: StepContext, host: str | None) -> Result:
    """Go on waiting while the host is alive; give it up when it is down.

    Raises `TryElsewhere` when the host's service does not answer any more.
    """

    def read(work: UnitOfWork) -> bool:
        return host is not None and is_up(work, host)

    env = environment(ctx)
    if env.store.read(read):
        return Nap(env.settings.answer_check_interval)
    raise TryElsewhere(f"Host {host} went away", host=host or "")
