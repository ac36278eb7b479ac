"""The conductor's part of servers: commands that start work, and reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from nova_clone.contracts.paging import Page
from nova_clone.domain import errors
from nova_clone.domain.action import Action
from nova_clone.domain.block_device import BlockDevice
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.port import RequestedNetworks
from nova_clone.domain.quota import Usage
from nova_clone.domain.server.server import Server, ServerBrief
from nova_clone.domain.server.status import StateFilter
from nova_clone.rpc.contract import call


@dataclasses.dataclass(frozen=True, kw_only=True)
class CreateServers:
    """Make between ``min_count`` and ``max_count`` servers alike.

    ``availability_zone`` is a plain zone name; the forms with host and node were taken
    apart at the door into ``forced_host`` / ``forced_node``. ``user_data`` is base64.
    """

    name: str
    flavor_id: str
    image_id: str | None = None
    min_count: int = 1
    max_count: int = 1
    networks: RequestedNetworks = dataclasses.field(default_factory=RequestedNetworks)
    block_devices: tuple[BlockDevice, ...] = ()
    key_name: str | None = None
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)
    tags: tuple[str, ...] = ()
    user_data: str | None = None
    config_drive: bool = False
    availability_zone: str | None = None
    forced_host: str | None = None
    forced_node: str | None = None
    requested_host: str | None = None
    requested_node: str | None = None
    hints: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    hostname: str | None = None
    description: str | None = None
    access_ipv4: str | None = None
    access_ipv6: str | None = None
    auto_disk_config: bool = True
    trusted_certs: tuple[str, ...] | None = None
    injected_files: tuple[tuple[str, bytes], ...] = ()
    zero_disk_allowed: bool = True
    admin_password: str | None = dataclasses.field(default=None, repr=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CreatedServers:
    """Accepted servers, in launch order."""

    reservation_id: str
    servers: tuple[ServerBrief, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerRef:
    """One server; only admins see those of other projects."""

    id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class OperateServer:
    """Ask for an operation on one server; ``ignore_lock`` for callers who may."""

    id: str
    ignore_lock: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class RebootServer:
    """Ask for a reboot; ``hard`` cuts the power instead of asking the guest."""

    id: str
    hard: bool = False
    ignore_lock: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class UpdateServer:
    """Change these attributes of a server; ``changes`` names Server's fields.

    Allowed: name, description, hostname, access_ipv4, access_ipv6, auto_disk_config.
    """

    id: str
    changes: Mapping[str, str | bool | None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChangeMetadata:
    """Set these items, or with ``replace`` make them all there is; then drop ``remove``."""

    id: str
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)
    replace: bool = False
    remove: tuple[str, ...] = ()
    ignore_lock: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerFilters:
    """Which servers to list; ``None`` or empty means any.

    ``states`` is what a ``status`` filter stands for. ``deleted`` ``None`` lists both.
    ``matches`` compares further fields of the server for equality, by field name.
    """

    project_id: str | None = None
    user_id: str | None = None
    name: str | None = None
    states: StateFilter | None = None
    vm_state: str | None = None
    task_state: str | None = None
    power_state: int | None = None
    host: str | None = None
    node: str | None = None
    image_id: str | None = None
    flavor_id: str | None = None
    ip: str | None = None
    ip6: str | None = None
    ids: tuple[str, ...] = ()
    deleted: bool | None = False
    changed_since: datetime | None = None
    changed_before: datetime | None = None
    locked: bool | None = None
    tags_all: tuple[str, ...] = ()
    tags_any: tuple[str, ...] = ()
    not_tags_all: tuple[str, ...] = ()
    not_tags_any: tuple[str, ...] = ()
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)
    matches: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListServers:
    """List servers, newest first unless ``sort`` (pairs of field and ``asc``/``desc``)."""

    filters: ServerFilters = dataclasses.field(default_factory=ServerFilters)
    detail: bool = False
    sort: tuple[tuple[str, str], ...] = ()
    page: Page = dataclasses.field(default_factory=Page)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerPage:
    """A page of servers: whole ones or brief ones, as asked."""

    servers: tuple[Server, ...] = ()
    briefs: tuple[ServerBrief, ...] = ()
    more: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class ActionQuery:
    """Actions of a server, all or the one of ``request_id``."""

    server_id: str
    request_id: str | None = None
    changed_since: datetime | None = None
    changed_before: datetime | None = None
    page: Page = dataclasses.field(default_factory=Page)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Actions:
    """Found actions, newest first; events only when one was asked for."""

    actions: tuple[Action, ...] = ()
    more: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class LimitsQuery:
    """Limits and use of a project."""

    project_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits by quota resource name, and what is used."""

    limits: Mapping[str, int]
    usage: Usage


@dataclasses.dataclass(frozen=True, kw_only=True)
class MetadataQuery:
    """The server behind a request of a guest."""

    server_id: str
    project_id: str | None = None


_READS = (errors.NotFound, errors.Invalid)
_COMMANDS = (errors.NotFound, errors.Conflict, errors.Forbidden, errors.Invalid)


class ServerVerbs(Protocol):
    """Servers."""

    @call(
        since="1.0",
        timeout=60,
        raises=(
            errors.Invalid,
            errors.NotFound,
            errors.Conflict,
            errors.Forbidden,
            errors.OverQuota,
            errors.ExternalFailure,
        ),
    )
    def create_servers(self, context: RequestContext, request: CreateServers, /) -> CreatedServers:
        """Accept new servers: all checks, then one transaction; the work goes on by itself."""

    @call(since="1.0", timeout=60, raises=_COMMANDS)
    def delete_server(self, context: RequestContext, request: OperateServer, /) -> None:
        """Accept the deletion of a server, whatever else is being done to it."""

    @call(since="1.0", timeout=60, raises=_COMMANDS)
    def start_server(self, context: RequestContext, request: OperateServer, /) -> None:
        """Accept a start."""

    @call(since="1.0", timeout=60, raises=_COMMANDS)
    def stop_server(self, context: RequestContext, request: OperateServer, /) -> None:
        """Accept a stop."""

    @call(since="1.0", timeout=60, raises=_COMMANDS)
    def reboot_server(self, context: RequestContext, request: RebootServer, /) -> None:
        """Accept a reboot."""

    @call(since="1.0", timeout=60, raises=_COMMANDS)
    def update_server(self, context: RequestContext, request: UpdateServer, /) -> Server:
        """Change attributes of a server and return it."""

    @call(since="1.0", timeout=60, raises=(*_COMMANDS, errors.OverQuota))
    def change_metadata(self, context: RequestContext, request: ChangeMetadata, /) -> Server:
        """Change a server's metadata and return the server."""

    @call(since="1.0", timeout=60, raises=_READS)
    def show_server(self, context: RequestContext, request: ServerRef, /) -> Server:
        """Return a server that is not deleted."""

    @call(since="1.0", timeout=60, raises=_READS)
    def list_servers(self, context: RequestContext, request: ListServers, /) -> ServerPage:
        """Return a page of servers. `Invalid`: unknown marker."""

    @call(since="1.0", timeout=60, raises=_READS)
    def list_actions(self, context: RequestContext, request: ActionQuery, /) -> Actions:
        """Return what was done to a server, deleted ones included."""

    @call(since="1.0", timeout=60)
    def limits(self, context: RequestContext, request: LimitsQuery, /) -> Limits:
        """Return the limits of a project and what it uses."""

    @call(since="1.0", timeout=20, raises=(errors.NotFound,))
    def server_metadata(self, context: RequestContext, request: MetadataQuery, /) -> Server:
        """Return the server of a guest that asks for its metadata, user data included."""
