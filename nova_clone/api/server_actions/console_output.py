"""``os-getConsoleOutput``: the end of the serial console."""

from __future__ import annotations

from typing import Any, Final

import falcon

from nova_clone.api.environment import Environment
from nova_clone.api.servers.lookup import server_for
from nova_clone.contracts.compute import ConsoleOutputQuery
from nova_clone.domain.errors import Conflict
from nova_clone.web.actions import Action
from nova_clone.web.call import Request
from nova_clone.web.policy import MEMBER, Rule
from nova_clone.web.requests import Field, Object
from nova_clone.web.schemas import as_int

RULE: Final = Rule(
    name="os_compute_api:os-console-output",
    default=MEMBER,
    description="Read the console of a server.",
    operations=(("POST", "/servers/{server_id}/action (os-getConsoleOutput)"),),
)
_LENGTH: Final = {
    "type": ["integer", "string", "null"],
    "minimum": -1,
    "pattern": r"^(-1|[0-9]{1,18})$",
}


def action(env: Environment) -> Action:
    """Return the action."""

    def console_output(req: Request, resp: falcon.Response, value: Any, server_id: str) -> None:
        call = req.context
        server = server_for(env, call, server_id, RULE.name)
        if server.host is None:
            raise Conflict(f"Instance {server.id} is not ready: it has no host yet")
        query = ConsoleOutputQuery(server=server, length=_lines(value.get("length")))
        found = env.compute(server.host).console_output(call.caller, query)
        resp.media = {"output": found.output}

    return Action(
        name="os-getConsoleOutput",
        handler=console_output,
        request=Object(Field("length", _LENGTH)),
    )


def _lines(length: int | str | None) -> int | None:
    lines = None if length is None else as_int(length)
    return None if lines == -1 else lines
