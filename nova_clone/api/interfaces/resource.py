"""``/servers/{server_id}/os-interface``."""

from __future__ import annotations

import falcon

from nova_clone.api.environment import Environment
from nova_clone.api.interfaces import policy
from nova_clone.api.interfaces.rows import INTERFACE
from nova_clone.api.queries import NO_PARAMETERS
from nova_clone.api.servers.lookup import server_for
from nova_clone.domain.errors import NotFound
from nova_clone.web.call import Request


class Interfaces:
    """The network interfaces of a server."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, server_id: str) -> None:
        """List them."""
        call = req.context
        NO_PARAMETERS.read(req)
        server = server_for(self._env, call, server_id, policy.LIST)
        plan = INTERFACE.plan(call.version)
        resp.media = {"interfaceAttachments": [plan(vif, None) for vif in server.vifs]}


class Interface:
    """One network interface of a server."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, server_id: str, port_id: str) -> None:
        """Show it."""
        call = req.context
        NO_PARAMETERS.read(req)
        server = server_for(self._env, call, server_id, policy.SHOW)
        vif = next((vif for vif in server.vifs if vif.port_id == port_id), None)
        if vif is None:
            raise NotFound(f"Instance {server.id} does not have a port with id {port_id[:80]}")
        resp.media = {"interfaceAttachment": INTERFACE.body(vif, None, call.version)}
