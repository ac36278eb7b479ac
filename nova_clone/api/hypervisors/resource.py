"""``/os-hypervisors``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import falcon

from nova_clone.api.environment import Environment
from nova_clone.api.hypervisors import policy, queries
from nova_clone.api.hypervisors.rows import BRIEF, HYPERVISOR, Servers, statistics
from nova_clone.api.queries import NO_PARAMETERS
from nova_clone.contracts.hosts import HypervisorPage, HypervisorQuery
from nova_clone.contracts.paging import Page
from nova_clone.domain.errors import Invalid, NotFound, NotSupported
from nova_clone.domain.host import Hypervisor as HypervisorRecord
from nova_clone.web import paging
from nova_clone.web.call import Call, Request
from nova_clone.web.query import QueryValues
from nova_clone.web.rows import Rows
from nova_clone.web.schemas import as_bool
from nova_clone.web.versions import Version, versions

_PAGED: Final = Version(2, 33)
_BY_UUID: Final = Version(2, 53)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Hypervisors:
    """Every hypervisor."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List them in brief."""
        query = queries.LIST.read(req)
        req.context.policy.allow(policy.LIST)
        resp.media = _list(self._env, req, query, BRIEF, "os-hypervisors")

    def on_get_detail(self, req: Request, resp: falcon.Response) -> None:
        """List them whole."""
        query = queries.LIST.read(req)
        req.context.policy.allow(policy.DETAIL)
        resp.media = _list(self._env, req, query, HYPERVISOR, "os-hypervisors/detail")

    @versions(until="2.87")
    def on_get_statistics(self, req: Request, resp: falcon.Response) -> None:
        """Show sums over all."""
        call = req.context
        call.policy.allow(policy.STATISTICS)
        found = [one for one, _ in _all(self._env, call, HypervisorQuery())]
        resp.media = {"hypervisor_statistics": statistics(found)}


class Hypervisor:
    """One hypervisor; until 2.52 also what is found by a part of a name."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, hypervisor_id: str) -> None:
        """Show it."""
        call = req.context
        query = queries.SHOW.read(req)
        call.policy.allow(policy.SHOW)
        wanted = as_bool(query.last("with_servers"))
        hypervisor, servers = _one(self._env, call, hypervisor_id, with_servers=wanted)
        resp.media = {"hypervisor": HYPERVISOR.body(hypervisor, servers, call.version)}

    @versions(until="2.87")
    def on_get_uptime(self, req: Request, resp: falcon.Response, hypervisor_id: str) -> None:
        """Show how long it has been up."""
        call = req.context
        NO_PARAMETERS.read(req)
        call.policy.allow(policy.UPTIME)
        hypervisor, _ = _one(self._env, call, hypervisor_id)
        if hypervisor.service is None or not hypervisor.service.up:
            raise Invalid(f"Compute host {hypervisor.host} could not be reached.")
        if hypervisor.uptime is None:
            raise NotSupported("This hypervisor cannot tell its uptime.")
        body = BRIEF.body(hypervisor, None, call.version)
        resp.media = {"hypervisor": body | {"uptime": hypervisor.uptime}}

    @versions(until="2.52")
    def on_get_search(self, req: Request, resp: falcon.Response, hypervisor_id: str) -> None:
        """List hypervisors with this in their name."""
        req.context.policy.allow(policy.SEARCH)
        resp.media = self._found(req.context, hypervisor_id, with_servers=False)

    @versions(until="2.52")
    def on_get_servers(self, req: Request, resp: falcon.Response, hypervisor_id: str) -> None:
        """List hypervisors with this in their name, and their servers."""
        req.context.policy.allow(policy.SERVERS)
        resp.media = self._found(req.context, hypervisor_id, with_servers=True)

    def _found(self, call: Call, pattern: str, *, with_servers: bool) -> dict[str, Any]:
        request = HypervisorQuery(hostname_pattern=pattern, with_servers=with_servers)
        plan = BRIEF.plan(call.version)
        bodies = [plan(one, servers) for one, servers in _all(self._env, call, request)]
        if not bodies:
            raise NotFound(f"No hypervisor matching '{pattern[:80]}' could be found.")
        return {"hypervisors": bodies}


def _list(
    env: Environment,
    req: Request,
    query: QueryValues,
    table: Rows[HypervisorRecord, Servers],
    path: str,
) -> dict[str, Any]:
    call = req.context
    plan = table.plan(call.version)
    pattern = query.last("hypervisor_hostname_pattern")
    request = HypervisorQuery(
        hostname_pattern=pattern, with_servers=as_bool(query.last("with_servers"))
    )
    if pattern is not None:
        if "limit" in query or "marker" in query:
            raise Invalid("Paging over hypervisors with the hostname_pattern is unsupported.")
        bodies = [plan(one, servers) for one, servers in _all(env, call, request)]
        if not bodies:
            raise NotFound(f"No hypervisor matching '{pattern}' could be found.")
        return {"hypervisors": bodies}
    if call.version < _PAGED:
        return {"hypervisors": [plan(one, None) for one, _ in _all(env, call, request)]}
    page = paging.page(query, max_limit=env.settings.max_limit)
    found = HypervisorPage()
    if page.limit:
        found = env.conductor.list_hypervisors(
            call.caller,
            HypervisorQuery(
                with_servers=request.with_servers,
                page=Page(limit=page.limit, marker=page.marker),
            ),
        )
    rows = list(_with_servers(found, wanted=request.with_servers))
    by_uuid = call.version >= _BY_UUID
    body: dict[str, Any] = {"hypervisors": [plan(one, servers) for one, servers in rows]}
    links = paging.next_link(
        f"{call.link_root}/{path}",
        req.query_string,
        page=page,
        markers=[one.id if by_uuid else str(one.number) for one, _ in rows],
    )
    return body | {"hypervisors_links": links} if links else body


def _all(
    env: Environment, call: Call, request: HypervisorQuery
) -> Iterator[tuple[HypervisorRecord, Servers]]:
    marker: str | None = None
    while True:
        page = Page(limit=env.settings.max_limit, marker=marker)
        query = HypervisorQuery(
            hostname_pattern=request.hostname_pattern,
            with_servers=request.with_servers,
            page=page,
        )
        found = env.conductor.list_hypervisors(call.caller, query)
        yield from _with_servers(found, wanted=request.with_servers)
        if not found.more or not found.hypervisors:
            return
        marker = found.hypervisors[-1].id


def _one(
    env: Environment, call: Call, hypervisor_id: str, *, with_servers: bool = False
) -> tuple[HypervisorRecord, Servers]:
    if call.version >= _BY_UUID:
        if not _UUID.fullmatch(hypervisor_id):
            raise Invalid(f"Invalid uuid {hypervisor_id[:80]}")
    elif not (hypervisor_id.isascii() and hypervisor_id.isdigit() and len(hypervisor_id) < 10):
        raise NotFound(f"Hypervisor with ID '{hypervisor_id[:80]}' could not be found.")
    request = HypervisorQuery(id=hypervisor_id, with_servers=with_servers)
    found = env.conductor.list_hypervisors(call.caller, request)
    if not found.hypervisors:
        raise NotFound(f"Hypervisor with ID '{hypervisor_id}' could not be found.")
    return next(_with_servers(found, wanted=with_servers))


def _with_servers(
    found: HypervisorPage, *, wanted: bool
) -> Iterator[tuple[HypervisorRecord, Servers]]:
    for hypervisor in found.hypervisors:
        yield hypervisor, found.servers.get(hypervisor.id, ()) if wanted else None
