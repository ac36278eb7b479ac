"""Server groups: making them, joining them, and what they mean for a choice of host."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from nova_clone.conductor.handlers import limits
from nova_clone.conductor.settings import ConductorSettings
from nova_clone.conductor.store.server_groups import missing
from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.contracts.server_groups import CreateServerGroup
from nova_clone.contracts.servers import CreateServers
from nova_clone.domain.errors import Invalid, OverQuota
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.quota import exceeded
from nova_clone.domain.request_spec import GroupPlacement
from nova_clone.domain.server.server import Server
from nova_clone.domain.server_group import ANTI_AFFINITY, ServerGroup

HINT = "group"


def create(
    settings: ConductorSettings,
    work: UnitOfWork,
    context: RequestContext,
    request: CreateServerGroup,
) -> ServerGroup:
    """Make a group, unless its project has as many as allowed (`OverQuota`)."""
    if request.max_per_host is not None and request.policy != ANTI_AFFINITY:
        raise Invalid("Only anti-affinity policy supports rules.")
    project = context.project_id or ""
    work.servers.lock_project(project)
    limit = limits.effective(settings, work, project)["server_groups"]
    if exceeded(limit, work.server_groups.count(project), 1):
        raise OverQuota("Quota exceeded, too many server groups.")
    return work.server_groups.add(
        ServerGroup(
            id="",
            name=request.name,
            project_id=project,
            user_id=context.user_id or "",
            policy=request.policy,
            max_per_host=request.max_per_host,
        )
    )


def delete(work: UnitOfWork, group_id: str, *, project_id: str | None) -> None:
    """Delete a group; raises `NotFound`. Its servers stay, and count for nothing more."""
    if work.server_groups.find(group_id, project_id=project_id, lock=True) is None:
        raise missing(group_id)
    work.server_groups.delete(group_id)
    work.placement.forget_group(group_id)


def wanted(
    work: UnitOfWork, context: RequestContext, request: CreateServers, *, lock: bool = False
) -> ServerGroup | None:
    """Return the group that new servers are to join; raises `Invalid` for an unknown one."""
    hints = request.hints.get(HINT)
    if not hints:
        return None
    project = None if context.is_admin else context.project_id or ""
    group = work.server_groups.find(hints[0], project_id=project, lock=lock)
    if group is None:
        raise Invalid(missing(hints[0]).message)
    return group


def join(
    settings: ConductorSettings,
    work: UnitOfWork,
    context: RequestContext,
    group: ServerGroup,
    server_ids: Collection[str],
) -> None:
    """Make new servers members of a group that is locked; raises `OverQuota`."""
    user_id = context.user_id or ""
    limit = limits.effective(settings, work, context.project_id or "")["server_group_members"]
    if exceeded(limit, work.server_groups.members_of(group.id, user_id=user_id), len(server_ids)):
        raise OverQuota("Quota exceeded, too many servers in group")
    work.server_groups.join(group.id, server_ids, user_id=user_id)


def placement_of(group: ServerGroup) -> GroupPlacement:
    """Return what the choice of a host has to know of a group, without its members."""
    return GroupPlacement(id=group.id, policy=group.policy, max_per_host=group.max_per_host or 1)


def shown(work: UnitOfWork, server: Server) -> Server:
    """Return a server with the group that it is in now: its own may be gone."""
    if not server.server_groups:
        return server
    group_id = work.server_groups.group_of(server.id)
    groups = () if group_id is None else (group_id,)
    return server if groups == server.server_groups else replace(server, server_groups=groups)
