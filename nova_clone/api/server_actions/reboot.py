"""``reboot``: let the guest restart, or cut its power."""

from __future__ import annotations

from typing import Any, Final

import falcon

from nova_clone.api.environment import Environment
from nova_clone.api.servers.lookup import server_for
from nova_clone.contracts.servers import RebootServer
from nova_clone.web.actions import Action
from nova_clone.web.call import Request
from nova_clone.web.policy import MEMBER, Rule
from nova_clone.web.requests import Field, Object
from nova_clone.web.schemas import choice

RULE: Final = Rule(
    name="os_compute_api:servers:reboot",
    default=MEMBER,
    description="Reboot a server.",
    operations=(("POST", "/servers/{server_id}/action (reboot)"),),
)
_TYPE: Final = choice("HARD", "Hard", "hard", "SOFT", "Soft", "soft")


def action(env: Environment) -> Action:
    """Return the action."""

    def reboot(req: Request, resp: falcon.Response, value: Any, server_id: str) -> None:
        call = req.context
        server = server_for(env, call, server_id, RULE.name)
        request = RebootServer(
            id=server.id,
            hard=value["type"].upper() == "HARD",
            ignore_lock=call.caller.is_admin,
        )
        env.conductor.reboot_server(call.caller, request)
        resp.status = falcon.HTTP_202

    return Action(
        name="reboot", handler=reboot, request=Object(Field("type", _TYPE, required=True))
    )
