"""Changing what is written about a server."""

from __future__ import annotations

import logging

from nova_clone.conductor.handlers import limits
from nova_clone.conductor.settings import ConductorSettings
from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.contracts.hosts import PowerObserved
from nova_clone.contracts.servers import ChangeMetadata, UpdateServer
from nova_clone.domain.errors import Conflict, Invalid, NotFound
from nova_clone.domain.server.server import Server
from nova_clone.domain.server.status import PowerState, VmState

LOG = logging.getLogger(__name__)
CHANGEABLE = frozenset(
    {"name", "description", "hostname", "access_ipv4", "access_ipv6", "auto_disk_config"}
)
_METADATA_STATES = frozenset({VmState.ACTIVE, VmState.PAUSED, VmState.STOPPED, VmState.SUSPENDED})


def update(
    settings: ConductorSettings, work: UnitOfWork, project_id: str | None, request: UpdateServer
) -> Server:
    """Change attributes and return the server as it is now."""
    unknown = set(request.changes) - CHANGEABLE
    if unknown:
        raise Invalid(f"These attributes cannot be changed: {', '.join(sorted(unknown))}")
    server = work.servers.get(request.id, project_id=project_id)
    name = request.changes.get("name")
    scope = settings.unique_name_scope
    if scope and isinstance(name, str) and name != server.name:
        project = server.project_id if scope == "project" else None
        if work.servers.name_taken(name, project_id=project):
            raise Conflict(f"An instance already exists with the name {name}")
    work.servers.update(request.id, dict(request.changes))
    return work.servers.get(request.id)


def change_metadata(
    settings: ConductorSettings, work: UnitOfWork, project_id: str | None, request: ChangeMetadata
) -> Server:
    """Change metadata and return the server as it is now.

    Raises `NotFound` for an item to remove that is not there.
    """
    server = work.servers.get(request.id, project_id=project_id)
    _check_metadata_state(server, ignore_lock=request.ignore_lock)
    metadata = {} if request.replace else dict(server.metadata)
    metadata.update(request.metadata)
    for key in request.remove:
        if key not in metadata:
            raise NotFound("Metadata item was not found")
        del metadata[key]
    limits.check_metadata(limits.effective(settings, work, server.project_id), len(metadata))
    work.servers.set_metadata(request.id, metadata)
    return work.servers.get(request.id)


def _check_metadata_state(server: Server, *, ignore_lock: bool) -> None:
    if server.locked and not ignore_lock:
        raise Conflict(f"Instance {server.id} is locked")
    if server.vm_state not in _METADATA_STATES:
        raise Conflict(
            f"Cannot 'update metadata' instance {server.id} while it is in vm_state "
            f"{server.vm_state.value}"
        )


def power_observed(work: UnitOfWork, seen: PowerObserved) -> None:
    """Follow a guest that was shut down, started or paused without being asked here."""
    try:
        server = work.servers.get(seen.server_id)
    except NotFound:
        return
    if server.host != seen.host or server.task_state is not None:
        return
    work.servers.update(server.id, {"power_state": seen.power_state})
    landed = _follow(server.vm_state, seen.power_state)
    if landed is None or server.launched_at is None:
        return
    moved = work.servers.transition(
        server.id,
        expect_vm={server.vm_state},
        expect_task={None},
        changes={"vm_state": landed},
    )
    if moved:
        LOG.info("The guest changed by itself: %s is %s now", server.id, landed.value)


def _follow(vm_state: VmState, power: PowerState) -> VmState | None:
    stopped = power in (PowerState.SHUTDOWN, PowerState.CRASHED)
    if vm_state is VmState.ACTIVE and stopped:
        return VmState.STOPPED
    if vm_state is VmState.STOPPED and power is PowerState.RUNNING:
        return VmState.ACTIVE
    return None
