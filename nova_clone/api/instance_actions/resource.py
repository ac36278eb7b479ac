"""``/servers/{server_id}/os-instance-actions``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import falcon

from nova_clone.api.environment import Environment
from nova_clone.api.instance_actions import policy
from nova_clone.api.instance_actions.queries import LIST
from nova_clone.api.instance_actions.rows import ACTION, shown
from nova_clone.api.queries import NO_PARAMETERS
from nova_clone.api.servers.policy import target_of
from nova_clone.contracts.paging import Page
from nova_clone.contracts.servers import ActionQuery, Actions, ServerRef
from nova_clone.domain.errors import Invalid, NotFound
from nova_clone.web import paging
from nova_clone.web.call import Call, Request
from nova_clone.web.schemas import as_time
from nova_clone.web.versions import Version

#: Since then the actions of deleted servers can be read.
_DELETED_TOO: Final = Version(2, 21)
_PAGED: Final = Version(2, 58)


class InstanceActions:
    """What was done to a server."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, server_id: str) -> None:
        """List the actions, newest first."""
        call = req.context
        query = LIST.read(req)
        call.policy.allow(policy.LIST, _target(self._env, call, server_id))
        page = paging.page(query, max_limit=self._env.settings.max_limit)
        times = {name: as_time(query[name][-1]) for name in query if name.startswith("changes-")}
        since, before = times.get("changes-since"), times.get("changes-before")
        if since and before and since > before:
            raise Invalid(
                "The value of changes-since must be less than or equal to changes-before."
            )
        found = Actions()
        if page.limit:
            request = ActionQuery(
                server_id=server_id,
                changed_since=since,
                changed_before=before,
                page=Page(limit=page.limit, marker=page.marker),
            )
            found = self._env.conductor.list_actions(call.caller, request)
        plan = ACTION.plan(call.version)
        body: dict[str, Any] = {"instanceActions": [plan(one, None) for one in found.actions]}
        links = paging.next_link(
            f"{call.link_root}/servers/{server_id}/os-instance-actions",
            req.query_string,
            page=page,
            markers=[action.request_id for action in found.actions],
        )
        if links and call.version >= _PAGED:
            body["links"] = links
        resp.media = body


class InstanceAction:
    """One action, by the id of its request."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, server_id: str, request_id: str) -> None:
        """Show it with its events."""
        call = req.context
        NO_PARAMETERS.read(req)
        target = _target(self._env, call, server_id)
        call.policy.allow(policy.SHOW, target)
        request = ActionQuery(server_id=server_id, request_id=request_id)
        found = self._env.conductor.list_actions(call.caller, request)
        if not found.actions:
            raise NotFound(f"Action {request_id[:80]} not found")
        resp.media = {"instanceAction": shown(call, found.actions[0], dict(target))}


def _target(env: Environment, call: Call, server_id: str) -> Mapping[str, str]:
    """Return what the rules look at: the server, or for a deleted one the caller's project.

    The conductor tells of deleted servers in the caller's project only, unless to admins.
    """
    try:
        return target_of(env.conductor.show_server(call.caller, ServerRef(id=server_id)))
    except NotFound:
        if call.version < _DELETED_TOO:
            raise
    return {"project_id": call.caller.project_id or "", "user_id": call.caller.user_id or ""}
