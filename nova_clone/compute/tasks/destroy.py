"""Remove a server from this host; whatever is gone already is fine."""

from __future__ import annotations

import logging

from nova_clone.compute import answers
from nova_clone.compute.environment import Environment
from nova_clone.compute.operations import Progress
from nova_clone.contracts.compute import DestroyServer
from nova_clone.contracts.hosts import StepFinished
from nova_clone.domain.errors import NovaError, Unavailable
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.port import Vif
from nova_clone.domain.server.server import Server
from nova_clone.domain.server.status import PowerState

LOG = logging.getLogger(__name__)

#: Seconds to wait before each further attempt when something does not answer.
PAUSES = (1.0, 2.0, 4.0, 8.0)


def destroy(
    env: Environment, context: RequestContext, request: DestroyServer, progress: Progress
) -> StepFinished:
    """Remove the server and tell how that ended."""
    try:
        _patiently(env, request, progress)
    except NovaError as error:
        return answers.failed(env.host, request, error)
    except Exception as error:
        LOG.exception("removal of server %s failed", request.server.id)
        return answers.failed(env.host, request, NovaError(type(error).__name__))
    return StepFinished(
        ticket=request.ticket,
        host=env.host,
        server_id=request.server.id,
        power_state=PowerState.NOSTATE,
    )


def _patiently(env: Environment, request: DestroyServer, progress: Progress) -> None:
    for pause in PAUSES:
        try:
            _remove(env, request)
        except Unavailable as error:
            LOG.warning("server %s is not removed yet: %s", request.server.id, error.message)
            progress.pause(pause)
        else:
            return
    _remove(env, request)


def _remove(env: Environment, request: DestroyServer) -> None:
    server = request.server
    vifs = _vifs(env, server)
    remove_from_host(env, server, vifs)
    if not request.keep_ports and (vifs or _may_have_ports(server)):
        env.networks.release(server.id)


def remove_from_host(env: Environment, server: Server, vifs: tuple[Vif, ...]) -> None:
    """Remove guest, host side of ports and disks; nothing outside of this host."""
    env.driver.destroy(server)
    env.driver.unplug_vifs(server, vifs)
    env.driver.delete_disks(server)


def _vifs(env: Environment, server: Server) -> tuple[Vif, ...]:
    # Before the build is over the record does not know the ports, the network service may.
    if server.vifs or not _may_have_ports(server):
        return server.vifs
    return env.networks.vifs(server.id)


def _may_have_ports(server: Server) -> bool:
    return bool(server.vifs) or server.launched_at is None
