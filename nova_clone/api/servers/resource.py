"""``/servers``."""

from __future__ import annotations

import dataclasses
from typing import Any

import falcon

from nova_clone.api.environment import Environment
from nova_clone.api.links import links_of
from nova_clone.api.queries import NO_PARAMETERS
from nova_clone.api.servers import policy, requests
from nova_clone.api.servers.create import create_command
from nova_clone.api.servers.listing import BRIEF_LIST, DETAIL_LIST, list_servers
from nova_clone.api.servers.lookup import server_for
from nova_clone.api.servers.rows import SERVER, Rendering, changed_server, disk_config
from nova_clone.contracts.servers import CreateServers, OperateServer, UpdateServer
from nova_clone.domain.errors import Conflict
from nova_clone.domain.port import NetworkMode
from nova_clone.domain.server.server import Server as ServerRecord
from nova_clone.web.call import Call, Request
from nova_clone.web.schemas import as_bool

#: Body key to the field of a server that it changes.
_CHANGES = {
    "name": "name",
    "description": "description",
    "hostname": "hostname",
    "accessIPv4": "access_ipv4",
    "accessIPv6": "access_ipv6",
}
_ZONE = "pinned_availability_zone"


class Servers:
    """All servers, in brief."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List servers."""
        resp.media = list_servers(self._env, req, BRIEF_LIST)

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        """Create servers."""
        call = req.context
        body = requests.CREATE.read(req)
        call.policy.allow(policy.CREATE)
        settings = self._env.settings
        command = create_command(body, password_length=settings.password_length)
        _check_rights(call, command)
        command = dataclasses.replace(
            command, zero_disk_allowed=call.policy.permits(policy.ZERO_DISK)
        )
        created = self._env.conductor.create_servers(call.caller, command)
        resp.status = falcon.HTTP_202
        if as_bool(body["server"].get("return_reservation_id")):
            resp.media = {"reservation_id": created.reservation_id}
            return
        links = links_of(call, "servers", created.servers[0].id)
        resp.location = links[0]["href"]
        shown = {"id": created.servers[0].id, "links": links, **_echo(command)}
        if settings.enable_instance_password:
            shown["adminPass"] = command.admin_password or ""
        resp.media = {"server": shown}


class ServersDetail:
    """All servers, whole."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List servers with everything about them."""
        resp.media = list_servers(self._env, req, DETAIL_LIST)


class Server:
    """One server."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, server_id: str) -> None:
        """Show a server."""
        call = req.context
        NO_PARAMETERS.read(req)
        server = server_for(self._env, call, server_id, policy.SHOW)
        resp.media = {"server": Rendering(call, SERVER)(server)}

    def on_put(self, req: Request, resp: falcon.Response, server_id: str) -> None:
        """Change a server."""
        call = req.context
        asked = requests.UPDATE.read(req)["server"]
        server = server_for(self._env, call, server_id, policy.UPDATE)
        changes = _changes(server, asked)
        if changes:
            request = UpdateServer(id=server.id, changes=changes)
            server = self._env.conductor.update_server(call.caller, request)
        resp.media = {"server": changed_server(call, server)}

    def on_delete(self, req: Request, resp: falcon.Response, server_id: str) -> None:
        """Delete a server."""
        call = req.context
        NO_PARAMETERS.read(req)
        server = server_for(self._env, call, server_id, policy.DELETE)
        request = OperateServer(id=server.id, ignore_lock=call.caller.is_admin)
        self._env.conductor.delete_server(call.caller, request)
        resp.status = falcon.HTTP_204


def _check_rights(call: Call, command: CreateServers) -> None:
    if command.forced_host or command.forced_node:
        call.policy.allow(policy.FORCED_HOST)
    if command.requested_host or command.requested_node:
        call.policy.allow(policy.REQUESTED_DESTINATION)
    if command.networks.mode is NetworkMode.LISTED:
        call.policy.allow(policy.ATTACH_NETWORK)
    if command.block_devices:
        call.policy.allow(policy.ATTACH_VOLUME)
    if command.trusted_certs is not None:
        call.policy.allow(policy.TRUSTED_CERTS)


def _echo(command: CreateServers) -> dict[str, Any]:
    groups = command.networks.security_groups or ("default",)
    return {
        "OS-DCF:diskConfig": disk_config(auto=command.auto_disk_config),
        "security_groups": [{"name": name} for name in groups],
    }


def _changes(server: ServerRecord, asked: dict[str, Any]) -> dict[str, str | bool | None]:
    changes: dict[str, str | bool | None] = {
        field: asked[key] for key, field in _CHANGES.items() if key in asked
    }
    if "OS-DCF:diskConfig" in asked:
        changes["auto_disk_config"] = asked["OS-DCF:diskConfig"] == "AUTO"
    if _ZONE in asked and asked[_ZONE] != server.pinned_zone:
        if asked[_ZONE] not in (None, server.availability_zone):
            raise Conflict(
                f"Server {server.id} is in zone {server.availability_zone or '-'} and cannot be "
                f"tied to {asked[_ZONE]}."
            )
        changes["pinned_zone"] = asked[_ZONE]
    return changes
