"""How requests become operations: kept, put in order, carried out, answered."""

from __future__ import annotations

import functools
import logging

from nova_clone.compute import answers
from nova_clone.compute.environment import Environment
from nova_clone.compute.operations import Kind, Operation, Operations, Progress, Run, Verdict
from nova_clone.compute.spool import Request
from nova_clone.compute.tasks.destroy import destroy
from nova_clone.compute.tasks.power import power
from nova_clone.compute.tasks.spawn import spawn
from nova_clone.contracts.compute import BuildServer, DestroyServer
from nova_clone.contracts.hosts import StepFinished
from nova_clone.domain.identity import RequestContext
from nova_clone.runtime.logging import log_context

LOG = logging.getLogger(__name__)


class Intake:
    """Takes requests, new ones from the bus and old ones from the spool."""

    def __init__(self, env: Environment, operations: Operations) -> None:
        self._env = env
        self._operations = operations

    def take(self, context: RequestContext, request: Request) -> None:
        """Keep a request and have it done in its turn; late ones are dropped."""
        LOG.info("%s for server %s", request.ticket, request.server.id)
        self._env.spool.keep(context, request)
        kind, run = self._work(context, request)
        operation = Operation(
            ticket=request.ticket,
            server_id=request.server.id,
            kind=kind,
            run=_logged(context, request, run),
            refuse=functools.partial(answers.failed, self._env.host, request),
            final=isinstance(request, DestroyServer) and not request.keep_ports,
        )
        if self._operations.submit(operation) is Verdict.LATE:
            self._env.spool.drop(request.ticket, request.server.id)

    def _work(self, context: RequestContext, request: Request) -> tuple[Kind, Run]:
        if isinstance(request, BuildServer):
            return Kind.BUILD, functools.partial(spawn, self._env, context, request)
        if isinstance(request, DestroyServer):
            return Kind.DESTROY, functools.partial(destroy, self._env, context, request)
        return Kind.POWER, functools.partial(power, self._env, context, request)


def _logged(context: RequestContext, request: Request, run: Run) -> Run:
    """Return the work with its request, server and workflow named in every log line."""

    def logged(progress: Progress) -> StepFinished:
        with log_context(context, server=request.server.id, workflow=request.ticket.workflow_id):
            return run(progress)

    return logged
