"""Finding the server that a path names."""

from __future__ import annotations

from nova_clone.api.environment import Environment
from nova_clone.api.servers.policy import target_of
from nova_clone.contracts.servers import ServerRef
from nova_clone.domain.server.server import Server
from nova_clone.web.call import Call


def server_for(env: Environment, call: Call, server_id: str, rule: str) -> Server:
    """Return a server that `rule` lets the caller act on.

    Raises `NotFound` for another project's server, `Forbidden` for the caller's own.
    """
    server = env.conductor.show_server(call.caller, ServerRef(id=server_id))
    call.policy.allow(rule, target_of(server))
    return server
