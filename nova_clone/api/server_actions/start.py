"""``os-start``: power a server on."""

from __future__ import annotations

from typing import Any, Final

import falcon

from nova_clone.api.environment import Environment
from nova_clone.api.servers.lookup import server_for
from nova_clone.contracts.servers import OperateServer
from nova_clone.web.actions import Action
from nova_clone.web.call import Request
from nova_clone.web.policy import MEMBER, Rule

RULE: Final = Rule(
    name="os_compute_api:servers:start",
    default=MEMBER,
    description="Start a server.",
    operations=(("POST", "/servers/{server_id}/action (os-start)"),),
)


def action(env: Environment) -> Action:
    """Return the action."""

    def start(req: Request, resp: falcon.Response, value: Any, server_id: str) -> None:
        call = req.context
        server = server_for(env, call, server_id, RULE.name)
        request = OperateServer(id=server.id, ignore_lock=call.caller.is_admin)
        env.conductor.start_server(call.caller, request)
        resp.status = falcon.HTTP_202

    return Action(name="os-start", handler=start)
