"""Bring a server up: ports, disks, config drive, guest.

Each stage may be repeated, so a build that was broken off is simply done again. When a
stage fails everything on this host is undone. Ports stay with the network service: the
next host binds them anew, and whoever gives the server up asks for their release.
"""

from __future__ import annotations

import dataclasses
import errno
import logging
import os
from pathlib import Path

from nova_clone.compute import answers
from nova_clone.compute.environment import Environment
from nova_clone.compute.hypervisor.port import FetchImage, GuestBuilt, GuestSpec
from nova_clone.compute.operations import Progress
from nova_clone.contracts.compute import BuildServer
from nova_clone.contracts.hosts import StepFinished
from nova_clone.domain import metadata
from nova_clone.domain.errors import (
    Conflict,
    Forbidden,
    Interrupted,
    Invalid,
    NotFound,
    NovaError,
    TooLarge,
    TryElsewhere,
)
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.port import NetworkMode, Vif
from nova_clone.domain.server.status import TaskState
from nova_clone.workflow.rollback import Rollback

LOG = logging.getLogger(__name__)

CONFIG_DRIVE = "disk.config"


class _Hopeless(Exception):
    """Carries an error that would be the same on every host."""

    def __init__(self, error: NovaError) -> None:
        super().__init__(error.message)
        self.error = error


def spawn(
    env: Environment, context: RequestContext, request: BuildServer, progress: Progress
) -> StepFinished:
    """Build the server and tell how that ended."""
    try:
        vifs, built = _build(env, context, request, progress)
    # The boundary of a build: whatever went wrong here, another host may do better.
    except Exception as error:  # noqa: BLE001
        return answers.failed(env.host, request, _judge(error, request.server.id))
    return StepFinished(
        ticket=request.ticket,
        host=env.host,
        server_id=request.server.id,
        power_state=built.power_state,
        vifs=vifs,
        root_device_name=built.root_device_name,
    )


def _judge(error: Exception, server_id: str) -> NovaError:
    """Return the error to report: `TryElsewhere` unless it would be the same everywhere."""
    if isinstance(error, _Hopeless):
        return error.error
    if isinstance(error, NovaError) and not isinstance(error, Interrupted):
        LOG.warning("build of server %s failed: %s", server_id, error.message)
    if isinstance(error, Interrupted | Invalid | TryElsewhere):
        return error
    if isinstance(error, NovaError):
        return TryElsewhere(f"{type(error).__name__}: {error.message}")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return TryElsewhere("No space left on this host.")
    LOG.error("build of server %s failed", server_id, exc_info=error)
    return TryElsewhere(type(error).__name__)


def _build(
    env: Environment, context: RequestContext, request: BuildServer, progress: Progress
) -> tuple[tuple[Vif, ...], GuestBuilt]:
    server, driver = request.server, env.driver
    with Rollback() as undo:
        answers.show_stage(env, context, request, TaskState.NETWORKING)
        vifs = _allocate(env, context, request)
        _remember(env, context, request, vifs)
        progress.checkpoint()
        undo.push(driver.unplug_vifs, server, vifs)
        driver.plug_vifs(server, vifs)
        progress.checkpoint()
        answers.show_stage(env, context, request, TaskState.SPAWNING)
        spec = _spec(request, vifs, None)
        undo.push(driver.delete_disks, server)
        driver.prepare_disks(spec, _fetch(env, progress))
        progress.checkpoint()
        spec = _spec(request, vifs, _config_drive(env, request, vifs))
        progress.checkpoint()
        undo.push(driver.destroy, server)
        built = driver.launch(spec)
        progress.checkpoint()
        undo.commit()
    return vifs, built


def _allocate(env: Environment, context: RequestContext, request: BuildServer) -> tuple[Vif, ...]:
    if request.networks.mode is NetworkMode.NONE:
        return ()
    try:
        return env.networks.allocate(context, request.server, request.networks, host=env.host)
    except (NotFound, Conflict, Forbidden, Invalid) as error:
        raise _Hopeless(error) from error


def _remember(
    env: Environment, context: RequestContext, request: BuildServer, vifs: tuple[Vif, ...]
) -> None:
    # After a crash the ports may be gone from the network service, and with them the names
    # of what has to be unplugged.
    if vifs:
        server = dataclasses.replace(request.server, vifs=vifs)
        env.spool.keep(context, dataclasses.replace(request, server=server))


def _fetch(env: Environment, progress: Progress) -> FetchImage:
    def fetch(image_id: str, path: Path) -> None:
        progress.checkpoint()
        # What the image service refuses here it refuses every host.
        try:
            env.images.download(image_id, path)
        except (NotFound, Forbidden, Conflict, TooLarge) as error:
            raise Invalid(f"Image {image_id} cannot be used: {error.message}") from error

    return fetch


def _spec(request: BuildServer, vifs: tuple[Vif, ...], drive: Path | None) -> GuestSpec:
    return GuestSpec(
        server=request.server,
        image=request.image,
        vifs=vifs,
        config_drive=drive,
        admin_password=request.admin_password,
        placing=request.placing,
    )


def wants_config_drive(env: Environment, request: BuildServer) -> bool:
    """Tell whether the server asked for a config drive or has to have one."""
    mandatory = request.server.image_properties.get("img_config_drive") == "mandatory"
    return request.server.config_drive or env.settings.config_drive.force or mandatory


def _config_drive(env: Environment, request: BuildServer, vifs: tuple[Vif, ...]) -> Path | None:
    if not wants_config_drive(env, request):
        return None
    # Only here, since few hosts ever need what it imports.
    from nova_clone.compute import config_drive

    settings = env.settings.config_drive
    facts = metadata.Facts(
        server=request.server,
        vifs=vifs,
        dhcp_domain=settings.dhcp_domain,
        files=request.injected_files,
        vendor_data=env.vendor_data,
        random_seed=os.urandom(512),
        admin_password=request.admin_password,
    )
    documents = metadata.config_drive_documents(facts, skip_ec2=settings.skip_ec2_versions)
    path = env.driver.instance_dir(request.server) / CONFIG_DRIVE
    config_drive.write(path, documents, format=settings.format)
    return path
