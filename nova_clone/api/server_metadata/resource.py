"""``/servers/{server_id}/metadata``."""

from __future__ import annotations

import falcon

from nova_clone.api.environment import Environment
from nova_clone.api.queries import NO_PARAMETERS
from nova_clone.api.server_metadata import policy, requests
from nova_clone.api.servers.lookup import server_for
from nova_clone.contracts.servers import ChangeMetadata
from nova_clone.domain.errors import Invalid, NotFound
from nova_clone.web.call import Request


class ServerMetadata:
    """All metadata of a server."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, server_id: str) -> None:
        """List it."""
        NO_PARAMETERS.read(req)
        server = server_for(self._env, req.context, server_id, policy.INDEX)
        resp.media = {"metadata": server.metadata}

    def on_post(self, req: Request, resp: falcon.Response, server_id: str) -> None:
        """Add items."""
        self._change(req, resp, server_id, rule=policy.CREATE)

    def on_put(self, req: Request, resp: falcon.Response, server_id: str) -> None:
        """Replace all items."""
        self._change(req, resp, server_id, rule=policy.UPDATE_ALL)

    def _change(self, req: Request, resp: falcon.Response, server_id: str, *, rule: str) -> None:
        call = req.context
        metadata = requests.ALL.read(req)["metadata"]
        server = server_for(self._env, call, server_id, rule)
        request = ChangeMetadata(
            id=server.id,
            metadata=metadata,
            replace=rule == policy.UPDATE_ALL,
            ignore_lock=call.caller.is_admin,
        )
        changed = self._env.conductor.change_metadata(call.caller, request)
        resp.media = {"metadata": changed.metadata}


class ServerMetadataItem:
    """One item of a server's metadata."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, server_id: str, key: str) -> None:
        """Show it."""
        NO_PARAMETERS.read(req)
        server = server_for(self._env, req.context, server_id, policy.SHOW)
        if key not in server.metadata:
            raise NotFound("Metadata item was not found")
        resp.media = {"meta": {key: server.metadata[key]}}

    def on_put(self, req: Request, resp: falcon.Response, server_id: str, key: str) -> None:
        """Set it."""
        call = req.context
        meta = requests.ONE.read(req)["meta"]
        if key not in meta:
            raise Invalid("Request body and URI mismatch")
        server = server_for(self._env, call, server_id, policy.UPDATE)
        request = ChangeMetadata(id=server.id, metadata=meta, ignore_lock=call.caller.is_admin)
        self._env.conductor.change_metadata(call.caller, request)
        resp.media = {"meta": meta}

    def on_delete(self, req: Request, resp: falcon.Response, server_id: str, key: str) -> None:
        """Delete it."""
        call = req.context
        server = server_for(self._env, call, server_id, policy.DELETE)
        if key not in server.metadata:
            raise NotFound("Metadata item was not found")
        request = ChangeMetadata(id=server.id, remove=(key,), ignore_lock=call.caller.is_admin)
        self._env.conductor.change_metadata(call.caller, request)
        resp.status = falcon.HTTP_204
