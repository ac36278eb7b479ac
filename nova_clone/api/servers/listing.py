"""Lists of servers, page by page."""

from __future__ import annotations

import dataclasses
from typing import Any

from nova_clone.api.environment import Environment
from nova_clone.api.servers import policy
from nova_clone.api.servers.filters import filters_of
from nova_clone.api.servers.queries import LIST
from nova_clone.api.servers.rows import BRIEF, DETAIL, Rendering, view_of
from nova_clone.api.servers.sorting import sort_of
from nova_clone.contracts.paging import Page
from nova_clone.contracts.servers import ListServers, ServerPage
from nova_clone.web import paging
from nova_clone.web.call import Call, Request


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kind:
    """One of the two lists: its rules, and the path that its next page is found at."""

    detail: bool
    rule: str
    all_tenants_rule: str
    path: str


BRIEF_LIST = Kind(
    detail=False, rule=policy.INDEX, all_tenants_rule=policy.INDEX_ALL, path="servers"
)
DETAIL_LIST = Kind(
    detail=True, rule=policy.DETAIL, all_tenants_rule=policy.DETAIL_ALL, path="servers/detail"
)


def list_servers(env: Environment, req: Request, kind: Kind) -> dict[str, Any]:
    """Return the body of a list."""
    call = req.context
    call.policy.allow(kind.rule)
    query = LIST.read(req)
    page = paging.page(query, max_limit=env.settings.max_limit)
    sort = sort_of(call, query)
    filters = filters_of(call, query, all_tenants_rule=kind.all_tenants_rule)
    found = ServerPage()
    if filters is not None and page.limit:
        request = ListServers(
            filters=filters,
            detail=kind.detail,
            sort=sort,
            page=Page(limit=page.limit, marker=page.marker),
        )
        found = env.conductor.list_servers(call.caller, request)
    body: dict[str, Any] = {"servers": _bodies(call, found, kind)}
    links = paging.next_link(
        f"{call.link_root}/{kind.path}",
        req.query_string,
        page=page,
        markers=[server.id for server in (found.servers or found.briefs)],
    )
    return body | {"servers_links": links} if links else body


def _bodies(call: Call, found: ServerPage, kind: Kind) -> list[Any]:
    if kind.detail:
        render = Rendering(call, DETAIL)
        return [render(server) for server in found.servers]
    view, plan = view_of(call), BRIEF.plan(call.version)
    return [plan(server, view) for server in found.briefs]
