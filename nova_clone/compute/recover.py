"""After a restart: take up what was in hand, answer what was lost, start what should run.

Three things are compared: the requests in the spool, the steps that the conductor waits
for, and the guests of the hypervisor.

- A request in the spool that is still waited for is carried out again; every task may be.
- One that nobody waits for is dropped, with whatever it had begun to build, unless the
  server belongs here.
- A step that is waited for, without a request here or in the broker, is answered with an
  error: `TryElsewhere` for a build, `Unavailable` for anything else.
"""

from __future__ import annotations

import dataclasses
import logging

from nova_clone.compute.environment import Environment
from nova_clone.compute.intake import Intake
from nova_clone.compute.operations import Kind, Operations
from nova_clone.compute.spool import Kept
from nova_clone.compute.tasks import guest
from nova_clone.compute.tasks.destroy import remove_from_host
from nova_clone.contracts.compute import BuildServer, DestroyServer, Ticket
from nova_clone.contracts.hosts import HostRef, HostServers, StepFinished
from nova_clone.domain.errors import NovaError
from nova_clone.domain.identity import service_context
from nova_clone.domain.placing import Placing
from nova_clone.domain.server.server import Server
from nova_clone.domain.server.status import PowerState, VmState

LOG = logging.getLogger(__name__)

BUILD_STEP = "build"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lost:
    """A step that is waited for and of which this host knows nothing."""

    ticket: Ticket
    server_id: str


class Recovery:
    """Brings a host that was restarted back into step with the conductor."""

    def __init__(self, env: Environment, intake: Intake, operations: Operations) -> None:
        self._env = env
        self._intake = intake
        self._operations = operations

    def run(self) -> tuple[Lost, ...]:
        """Take up what was in hand; return the steps whose requests are not here.

        These may still wait in the broker: `answer_lost` is for a little later.
        """
        found = self._env.conductor.host_servers(service_context(), HostRef(host=self._env.host))
        here = {server.id: server for server in found.servers}
        kept = self._env.spool.load()
        for each in kept:
            self._take_up(each, found, here)
        self._resume(found)
        known = {(each.request.server.id, each.request.ticket) for each in kept}
        return tuple(
            Lost(ticket=ticket, server_id=server_id)
            for server_id, ticket in found.tickets.items()
            if (server_id, ticket) not in known
        )

    def answer_lost(self, lost: tuple[Lost, ...]) -> None:
        """Answer steps whose requests have not come by now either."""
        for each in lost:
            error = "TryElsewhere" if each.ticket.step == BUILD_STEP else "Unavailable"
            self._operations.answer(
                StepFinished(
                    ticket=each.ticket,
                    host=self._env.host,
                    server_id=each.server_id,
                    error=error,
                    message="nova-compute was restarted before it took the request.",
                ),
                Kind.POWER,
            )

    def _take_up(self, kept: Kept, found: HostServers, here: dict[str, Server]) -> None:
        request = kept.request
        server = request.server
        if found.tickets.get(server.id) == request.ticket:
            LOG.info("taking up %s for server %s", request.ticket, server.id)
            self._intake.take(kept.context, request)
        elif isinstance(request, DestroyServer) and server.id not in here:
            self._intake.take(kept.context, request)
        else:
            if isinstance(request, BuildServer) and server.id not in here:
                LOG.info("dropping what was built of server %s", server.id)
                remove_from_host(self._env, server, server.vifs)
            self._env.spool.drop(request.ticket, server.id)

    def _resume(self, found: HostServers) -> None:
        if not self._env.settings.resume_guests:
            return
        states = {each.server_id: each.power_state for each in self._env.driver.guests()}
        for server in found.servers:
            if server.id in found.tickets or not _should_run(server):
                continue
            if states.get(server.id) in (PowerState.RUNNING, PowerState.PAUSED):
                continue
            LOG.info("starting server %s, which ran before", server.id)
            try:
                guest.bring_up(self._env, server, found.placings.get(server.id, Placing()))
            except NovaError as error:
                LOG.error("server %s cannot be started: %s", server.id, error.message)


def _should_run(server: Server) -> bool:
    return server.vm_state is VmState.ACTIVE and server.power_state is PowerState.RUNNING
