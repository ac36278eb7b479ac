"""The words in which a host tells the conductor how a step ended or where it is."""

from __future__ import annotations

import logging
from typing import Protocol

from nova_clone.compute.environment import Environment
from nova_clone.contracts.compute import Ticket
from nova_clone.contracts.hosts import StageReached, StepFinished
from nova_clone.domain.errors import NovaError, Unavailable
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.server.server import Server
from nova_clone.domain.server.status import TaskState

LOG = logging.getLogger(__name__)


class Ticketed(Protocol):
    """Any request for a step."""

    @property
    def ticket(self) -> Ticket:
        """Return the ticket of the step."""

    @property
    def server(self) -> Server:
        """Return the server that it is about."""


def failed(host: str, request: Ticketed, error: NovaError) -> StepFinished:
    """Return the answer for a step that ended with an error."""
    return StepFinished(
        ticket=request.ticket,
        host=host,
        server_id=request.server.id,
        error=type(error).__name__,
        message=error.message,
    )


def show_stage(
    env: Environment, context: RequestContext, request: Ticketed, state: TaskState
) -> None:
    """Let the conductor show the stage; not being heard does not hinder the work."""
    if request.server.task_state is state:
        return
    reached = StageReached(ticket=request.ticket, server_id=request.server.id, task_state=state)
    try:
        env.conductor.stage_reached(context, reached)
    except Unavailable as error:
        LOG.warning("stage %s of %s is not shown: %s", state, request.server.id, error.message)
