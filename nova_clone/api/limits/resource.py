"""``/limits``."""

from __future__ import annotations

from typing import Final

import falcon

from nova_clone.api.environment import Environment
from nova_clone.api.limits import policy
from nova_clone.api.limits.rows import ABSOLUTE
from nova_clone.contracts.servers import LimitsQuery
from nova_clone.web.call import Request
from nova_clone.web.query import Param, Query

_QUERY: Final = Query(Param("tenant_id"), strict_since="2.75")


class Limits:
    """What a project may have, and what it has."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """Show it."""
        call = req.context
        asked = _QUERY.read(req).last("tenant_id")
        call.policy.allow(policy.SHOW)
        own = call.caller.project_id or ""
        if asked and asked != own:
            call.policy.allow(policy.OTHER_PROJECT, {"project_id": asked, "user_id": ""})
        found = self._env.conductor.limits(call.caller, LimitsQuery(project_id=asked or own))
        resp.media = {"limits": {"rate": [], "absolute": ABSOLUTE.body(found, None, call.version)}}
