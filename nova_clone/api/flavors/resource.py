"""``/flavors``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import falcon

from nova_clone.api.environment import Environment
from nova_clone.api.flavors import policy, requests
from nova_clone.api.flavors.rows import BRIEF, FLAVOR, FlavorView, Rendering
from nova_clone.api.queries import NO_PARAMETERS
from nova_clone.contracts.flavors import (
    CreateFlavor,
    FlavorPage,
    FlavorQuery,
    FlavorRef,
    UpdateFlavor,
)
from nova_clone.contracts.paging import Page
from nova_clone.domain.errors import Invalid
from nova_clone.domain.flavor import Flavor as FlavorRecord
from nova_clone.web import paging
from nova_clone.web.call import Call, Request
from nova_clone.web.query import QueryValues
from nova_clone.web.rows import Rows
from nova_clone.web.schemas import as_bool, as_int
from nova_clone.web.versions import versions

_TRUE: Final = frozenset(("1", "t", "true", "on", "y", "yes"))
_FALSE: Final = frozenset(("0", "f", "false", "off", "n", "no"))


class Flavors:
    """All flavors, in brief."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List flavors."""
        resp.media = _list(self._env, req, BRIEF, "flavors")

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        """Create a flavor."""
        call = req.context
        asked = requests.CREATE.read(req)["flavor"]
        call.policy.allow(policy.CREATE)
        request = CreateFlavor(flavor=_new_flavor(asked))
        flavor = self._env.conductor.create_flavor(call.caller, request)
        resp.media = {"flavor": Rendering(call, FLAVOR)(flavor)}


class FlavorsDetail:
    """All flavors, whole."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List flavors with everything about them."""
        resp.media = _list(self._env, req, FLAVOR, "flavors/detail")


class Flavor:
    """One flavor."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, flavor_id: str) -> None:
        """Show a flavor."""
        call = req.context
        NO_PARAMETERS.read(req)
        flavor = self._env.conductor.show_flavor(call.caller, FlavorRef(id=flavor_id))
        resp.media = {"flavor": Rendering(call, FLAVOR)(flavor)}

    @versions(since="2.55")
    def on_put(self, req: Request, resp: falcon.Response, flavor_id: str) -> None:
        """Change the description."""
        call = req.context
        asked = requests.UPDATE.read(req)["flavor"]
        call.policy.allow(policy.UPDATE)
        request = UpdateFlavor(id=flavor_id, describe=True, description=asked["description"])
        flavor = self._env.conductor.update_flavor(call.caller, request)
        resp.media = {"flavor": Rendering(call, FLAVOR)(flavor)}

    def on_delete(self, req: Request, resp: falcon.Response, flavor_id: str) -> None:
        """Delete a flavor."""
        call = req.context
        NO_PARAMETERS.read(req)
        call.policy.allow(policy.DELETE)
        self._env.conductor.delete_flavor(call.caller, FlavorRef(id=flavor_id))
        resp.status = falcon.HTTP_202


def _list(
    env: Environment, req: Request, table: Rows[FlavorRecord, FlavorView], path: str
) -> dict[str, Any]:
    call = req.context
    query = requests.LIST.read(req)
    page = paging.page(query, max_limit=env.settings.max_limit)
    found = FlavorPage()
    if page.limit:
        found = env.conductor.list_flavors(call.caller, _request(call, query, page))
    render = Rendering(call, table)
    body: dict[str, Any] = {"flavors": [render(flavor) for flavor in found.flavors]}
    links = paging.next_link(
        f"{call.link_root}/{path}",
        req.query_string,
        page=page,
        markers=[flavor.id for flavor in found.flavors],
    )
    return body | {"flavors_links": links} if links else body


def _request(call: Call, query: QueryValues, page: paging.Page) -> FlavorQuery:
    public, all_projects = _publicity(call, query.last("is_public"))
    return FlavorQuery(
        public=public,
        all_projects=all_projects,
        min_disk=_amount(query, "minDisk"),
        min_ram=_amount(query, "minRam"),
        name=query.last("name"),
        sort_key=query.last("sort_key") or "flavorid",
        sort_dir=query.last("sort_dir") or "asc",
        page=Page(limit=page.limit, marker=page.marker),
    )


def _publicity(call: Call, asked: str | None) -> tuple[bool | None, bool]:
    """Return whether public or private flavors are asked for, and if of every project."""
    if not call.caller.is_admin or asked is None:
        return None, False
    word = asked.strip().lower()
    if word == "none":
        return None, True
    if word not in _TRUE | _FALSE:
        raise Invalid(f"Invalid is_public filter [{asked[:80]}]")
    return (None, False) if word in _TRUE else (False, True)


def _amount(query: QueryValues, name: str) -> int | None:
    text = query.last(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise Invalid(f"Invalid {name} filter [{text[:80]}]")
    return int(text)


def _new_flavor(asked: Mapping[str, Any]) -> FlavorRecord:
    flavor_id = asked.get("id")
    return FlavorRecord(
        id="" if flavor_id is None else str(flavor_id),
        name=asked["name"],
        vcpus=as_int(asked["vcpus"]),
        ram=as_int(asked["ram"]),
        disk=as_int(asked["disk"]),
        ephemeral=as_int(asked.get("OS-FLV-EXT-DATA:ephemeral", 0)),
        swap=as_int(asked.get("swap", 0)),
        rxtx_factor=_factor(asked.get("rxtx_factor", 1.0)),
        public=as_bool(asked.get("os-flavor-access:is_public", True)),
        description=asked.get("description"),
    )


def _factor(value: float | str) -> float:
    factor = float(value)
    if factor <= 0:
        raise Invalid("rxtx_factor must be greater than 0.")
    return factor
