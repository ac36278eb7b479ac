"""``/servers/{server_id}/ips``."""

from __future__ import annotations

import falcon

from nova_clone.api.environment import Environment
from nova_clone.api.queries import NO_PARAMETERS
from nova_clone.api.server_ips import policy
from nova_clone.api.servers.addresses import bare_addresses
from nova_clone.api.servers.lookup import server_for
from nova_clone.domain.errors import NotFound
from nova_clone.web.call import Request


class ServerAddresses:
    """The addresses of a server, by network."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, server_id: str) -> None:
        """List them."""
        NO_PARAMETERS.read(req)
        server = server_for(self._env, req.context, server_id, policy.INDEX)
        resp.media = {"addresses": bare_addresses(server.vifs)}


class ServerNetworkAddresses:
    """The addresses of a server in one network."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, server_id: str, label: str) -> None:
        """List them; 404 for a network that the server is not in."""
        NO_PARAMETERS.read(req)
        server = server_for(self._env, req.context, server_id, policy.SHOW)
        found = bare_addresses(server.vifs)
        if label not in found:
            raise NotFound("Instance is not a member of specified network")
        resp.media = {label: found[label]}
