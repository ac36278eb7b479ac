"""The conductor's part of server groups."""

from __future__ import annotations

import dataclasses
from typing import Protocol

from nova_clone.domain import errors
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.server_group import ServerGroup
from nova_clone.rpc.contract import call


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerGroupRef:
    """One server group; only admins see those of other projects."""

    id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerGroupQuery:
    """Server groups of a project (``None``: of all), oldest first, from ``offset`` on."""

    project_id: str | None
    limit: int | None = None
    offset: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerGroups:
    """Found server groups."""

    groups: tuple[ServerGroup, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class CreateServerGroup:
    """Make a server group for the caller; ``max_per_host`` is for anti-affinity alone."""

    name: str
    policy: str
    max_per_host: int | None = None


class ServerGroupVerbs(Protocol):
    """Server groups."""

    @call(since="1.0", timeout=60)
    def list_server_groups(
        self, context: RequestContext, request: ServerGroupQuery, /
    ) -> ServerGroups:
        """Return server groups with their members."""

    @call(since="1.0", timeout=60, raises=(errors.NotFound,))
    def show_server_group(self, context: RequestContext, request: ServerGroupRef, /) -> ServerGroup:
        """Return a server group with its members."""

    @call(since="1.0", timeout=60, raises=(errors.Invalid, errors.OverQuota))
    def create_server_group(
        self, context: RequestContext, request: CreateServerGroup, /
    ) -> ServerGroup:
        """Make a server group. `Invalid`: a rule that its policy does not have."""

    @call(since="1.0", timeout=60, raises=(errors.NotFound,))
    def delete_server_group(self, context: RequestContext, request: ServerGroupRef, /) -> None:
        """Delete a server group; its servers stay where they are."""
