"""``/servers/{server_id}/os-volume_attachments``."""

from __future__ import annotations

from typing import Final

import falcon

from nova_clone.api.environment import Environment
from nova_clone.api.servers.lookup import server_for
from nova_clone.api.volume_attachments import policy
from nova_clone.api.volume_attachments.rows import ATTACHMENT
from nova_clone.domain.block_device import BlockDevice
from nova_clone.domain.errors import NotFound
from nova_clone.domain.server.server import Server
from nova_clone.web import paging
from nova_clone.web.call import Request
from nova_clone.web.query import Param, Query
from nova_clone.web.schemas import LIMIT

_LIST: Final = Query(Param("limit", LIMIT), Param("offset", LIMIT), strict_since="2.75")


class VolumeAttachments:
    """The volumes attached to a server."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, server_id: str) -> None:
        """List them."""
        call = req.context
        query = _LIST.read(req)
        page = paging.page(query, max_limit=self._env.settings.max_limit, zero_means_all=True)
        server = server_for(self._env, call, server_id, policy.INDEX)
        plan = ATTACHMENT.plan(call.version)
        resp.media = {
            "volumeAttachments": [plan(disk, server.id) for disk in page.slice(_volumes(server))]
        }


class VolumeAttachment:
    """One volume attached to a server."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, server_id: str, volume_id: str) -> None:
        """Show how it is attached."""
        call = req.context
        server = server_for(self._env, call, server_id, policy.SHOW)
        disk = next((disk for disk in _volumes(server) if disk.volume_id == volume_id), None)
        if disk is None:
            raise NotFound(f"Instance {server.id} is not attached to volume {volume_id[:80]}")
        resp.media = {"volumeAttachment": ATTACHMENT.body(disk, server.id, call.version)}


def _volumes(server: Server) -> list[BlockDevice]:
    return [disk for disk in server.block_devices if disk.volume_id]
