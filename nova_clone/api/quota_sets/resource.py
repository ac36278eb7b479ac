"""``/os-quota-sets``."""

from __future__ import annotations

from typing import Final

import falcon

from nova_clone.api.environment import Environment
from nova_clone.api.quota_sets import policy
from nova_clone.api.quota_sets.rows import DETAILS, LIMITS
from nova_clone.contracts.servers import Limits, LimitsQuery
from nova_clone.web.call import Request
from nova_clone.web.query import Param, Query
from nova_clone.web.rows import Rows

_QUERY: Final = Query(Param("user_id"), strict_since="2.75")
#: No project has this id, so nothing but the defaults applies to it.
_NO_PROJECT: Final = ""


class QuotaSet:
    """The quotas of a project."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, project_id: str) -> None:
        """Show them."""
        _QUERY.read(req)
        req.context.policy.allow(policy.SHOW, {"project_id": project_id, "user_id": ""})
        _show(self._env, req, resp, project_id, LIMITS)

    def on_get_detail(self, req: Request, resp: falcon.Response, project_id: str) -> None:
        """Show them with what is used."""
        _QUERY.read(req)
        req.context.policy.allow(policy.DETAIL, {"project_id": project_id, "user_id": ""})
        _show(self._env, req, resp, project_id, DETAILS)

    def on_get_defaults(self, req: Request, resp: falcon.Response, project_id: str) -> None:
        """Show what a project has that was given none of its own."""
        req.context.policy.allow(policy.DEFAULTS, {"project_id": project_id, "user_id": ""})
        _show(self._env, req, resp, project_id, LIMITS, whose=_NO_PROJECT)


def _show(
    env: Environment,
    req: Request,
    resp: falcon.Response,
    project_id: str,
    table: Rows[Limits, None],
    *,
    whose: str | None = None,
) -> None:
    call = req.context
    request = LimitsQuery(project_id=project_id if whose is None else whose)
    found = env.conductor.limits(call.caller, request)
    resp.media = {"quota_set": {"id": project_id, **table.body(found, None, call.version)}}
