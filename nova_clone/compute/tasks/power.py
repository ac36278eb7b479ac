"""Start, stop and reboot guests."""

from __future__ import annotations

import logging

from nova_clone.compute import answers
from nova_clone.compute.environment import Environment
from nova_clone.compute.operations import Progress
from nova_clone.compute.tasks import guest
from nova_clone.contracts.compute import PowerAction, PowerServer
from nova_clone.contracts.hosts import StepFinished
from nova_clone.domain.errors import NovaError
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.server.status import TaskState

LOG = logging.getLogger(__name__)


def power(
    env: Environment, context: RequestContext, request: PowerServer, progress: Progress
) -> StepFinished:
    """Change the guest's power and tell how that ended."""
    try:
        _ACTIONS[request.action](env, context, request, progress)
        state = env.driver.power_state(request.server)
    except NovaError as error:
        return answers.failed(env.host, request, error)
    except Exception as error:
        LOG.exception("%s of server %s failed", request.action.value, request.server.id)
        return answers.failed(env.host, request, NovaError(type(error).__name__))
    return StepFinished(
        ticket=request.ticket, host=env.host, server_id=request.server.id, power_state=state
    )


def _start(
    env: Environment, context: RequestContext, request: PowerServer, progress: Progress
) -> None:
    guest.bring_up(env, request.server, request.placing)


def _stop(
    env: Environment, context: RequestContext, request: PowerServer, progress: Progress
) -> None:
    env.driver.power_off(request.server, patience(env, request))


def _soft_reboot(
    env: Environment, context: RequestContext, request: PowerServer, progress: Progress
) -> None:
    answers.show_stage(env, context, request, TaskState.REBOOT_PENDING)
    progress.checkpoint()
    answers.show_stage(env, context, request, TaskState.REBOOT_STARTED)
    if not env.driver.reboot_soft(request.server, patience(env, request)):
        LOG.info("server %s does not listen: its power is cut", request.server.id)
        progress.checkpoint()
        _restart(env, request)


def _hard_reboot(
    env: Environment, context: RequestContext, request: PowerServer, progress: Progress
) -> None:
    answers.show_stage(env, context, request, TaskState.REBOOT_PENDING_HARD)
    progress.checkpoint()
    answers.show_stage(env, context, request, TaskState.REBOOT_STARTED_HARD)
    _restart(env, request)


def _restart(env: Environment, request: PowerServer) -> None:
    env.driver.plug_vifs(request.server, request.server.vifs)
    env.driver.reboot_hard(guest.spec_of(env, request.server, request.placing))


def patience(env: Environment, request: PowerServer) -> float:
    """Return for how many seconds the guest may shut down by itself."""
    if request.timeout is not None:
        return request.timeout
    wanted = request.server.image_properties.get("os_shutdown_timeout", "")
    return float(wanted) if wanted.isdecimal() else env.settings.shutdown_timeout


_ACTIONS = {
    PowerAction.START: _start,
    PowerAction.STOP: _stop,
    PowerAction.SOFT_REBOOT: _soft_reboot,
    PowerAction.HARD_REBOOT: _hard_reboot,
}
