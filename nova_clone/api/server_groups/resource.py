"""``/os-server-groups``."""

from __future__ import annotations

import falcon

from nova_clone.api.environment import Environment
from nova_clone.api.queries import NO_PARAMETERS
from nova_clone.api.server_groups import policy, requests
from nova_clone.api.server_groups.rows import SERVER_GROUP
from nova_clone.contracts.server_groups import (
    CreateServerGroup,
    ServerGroupQuery,
    ServerGroupRef,
)
from nova_clone.domain.server_group import ServerGroup as ServerGroupRecord
from nova_clone.web import paging
from nova_clone.web.call import Call, Request
from nova_clone.web.schemas import as_int


class ServerGroups:
    """The server groups of a project, or of all."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List them, oldest first; ``all_projects`` counts for admins alone."""
        call = req.context
        call.policy.allow(policy.INDEX)
        query = requests.LIST.read(req)
        page = paging.page(query, max_limit=self._env.settings.max_limit, zero_means_all=True)
        everywhere = "all_projects" in query and call.policy.permits(policy.INDEX_ALL)
        found = self._env.conductor.list_server_groups(
            call.caller,
            ServerGroupQuery(
                project_id=None if everywhere else call.caller.project_id or "",
                limit=page.limit,
                offset=page.offset,
            ),
        )
        plan = SERVER_GROUP.plan(call.version)
        resp.media = {"server_groups": [plan(group, None) for group in found.groups]}

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        """Make one."""
        call = req.context
        call.policy.allow(policy.CREATE)
        asked = requests.CREATE.read(req)["server_group"]
        most = asked.get("rules", {}).get("max_server_per_host")
        group = self._env.conductor.create_server_group(
            call.caller,
            CreateServerGroup(
                name=asked["name"],
                policy=asked["policy"],
                max_per_host=None if most is None else as_int(most),
            ),
        )
        resp.media = {"server_group": SERVER_GROUP.body(group, None, call.version)}


class ServerGroup:
    """One server group."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, group_id: str) -> None:
        """Show it."""
        NO_PARAMETERS.read(req)
        group = self._find(req.context, group_id, policy.SHOW)
        resp.media = {"server_group": SERVER_GROUP.body(group, None, req.context.version)}

    def on_delete(self, req: Request, resp: falcon.Response, group_id: str) -> None:
        """Delete it; its servers stay."""
        NO_PARAMETERS.read(req)
        call = req.context
        self._find(call, group_id, policy.DELETE)
        self._env.conductor.delete_server_group(call.caller, ServerGroupRef(id=group_id))
        resp.status = falcon.HTTP_204

    def _find(self, call: Call, group_id: str, rule: str) -> ServerGroupRecord:
        ref = ServerGroupRef(id=group_id)
        group = self._env.conductor.show_server_group(call.caller, ref)
        call.policy.allow(rule, {"project_id": group.project_id, "user_id": group.user_id})
        return group
