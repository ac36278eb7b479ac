"""``/resource_providers`` and one of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import falcon

from nova_clone.contracts.placement_store import ProviderRef, PutProvider
from nova_clone.domain.errors import NotFound
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.resources import Provider
from nova_clone.placement.snapshot import Snapshot
from nova_clone.placement.web import filters
from nova_clone.placement.web.environment import Environment
from nova_clone.placement.web.forms import UUID, Form, Search
from nova_clone.placement.web.history import since
from nova_clone.placement.web.resource import (
    Resource,
    answer,
    canonical,
    changed_at,
    known,
    location,
    no_provider,
)
from nova_clone.web.call import Request
from nova_clone.web.query import Param, QueryValues
from nova_clone.web.requests import Field, Object
from nova_clone.web.rows import Row, Rows
from nova_clone.web.schemas import nullable, string
from nova_clone.web.versions import Version

_NAME: Final = string(1, 200)
_PARENT: Final = nullable(UUID)
_CREATE: Final = Form(
    Object(
        Field("name", _NAME, required=True),
        Field("uuid", UUID),
        Field("parent_provider_uuid", _PARENT, since="1.14"),
    )
)
_UPDATE: Final = Form(
    Object(
        Field("name", _NAME, required=True),
        Field("parent_provider_uuid", _PARENT, since="1.14"),
    )
)
_LIST: Final = Search(
    Param("name"),
    Param("uuid", UUID),
    Param("member_of", since="1.3"),
    Param("resources", since="1.4"),
    Param("in_tree", since="1.14"),
    Param("required", since="1.18"),
)
_RETURNED: Final = since("1.20")
_REPARENT: Final = since("1.37")
_LINKS: Final = (
    ("self", "", since("1.0")),
    ("inventories", "/inventories", since("1.0")),
    ("usages", "/usages", since("1.0")),
    ("aggregates", "/aggregates", since("1.1")),
    ("traits", "/traits", since("1.6")),
    ("allocations", "/allocations", since("1.11")),
)


def _links(provider: Provider, root: str, version: Version) -> list[dict[str, str]]:
    return [
        {"rel": rel, "href": f"{root}/resource_providers/{provider.id}{path}"}
        for rel, path, when in _LINKS
        if when.holds(version)
    ]


ROWS: Final[Rows[Provider, tuple[str, Version]]] = Rows(
    Row("uuid", lambda provider, _: provider.id),
    Row("name", lambda provider, _: provider.name),
    Row("generation", lambda provider, _: provider.generation),
    Row("links", lambda provider, view: _links(provider, *view)),
    Row("parent_provider_uuid", lambda provider, _: provider.parent_id, since("1.14")),
    Row("root_provider_uuid", lambda provider, _: provider.root_id, since("1.14")),
)


def _body(req: Request, provider: Provider) -> dict[str, Any]:
    version = req.context.version
    return ROWS.body(provider, (req.root_path, version), version)


class Providers(Resource):
    """All providers."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List the providers that pass the filters."""
        req.context.policy.allow("placement:resource_providers:list")
        wanted = _LIST.read(req)
        version = req.context.version
        with self._env.fresh(req) as snapshot:
            found = list(_select(snapshot, wanted, version))
        plan = ROWS.plan(version)
        view = (req.root_path, version)
        body = {"resource_providers": [plan(provider, view) for provider in found]}
        answer(req, resp, body, *(changed_at(provider) for provider in found))

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        """Make a provider."""
        call = req.context
        call.policy.allow("placement:resource_providers:create")
        body = _CREATE.read(req)
        parent = body.get("parent_provider_uuid")
        provider = self._env.conductor.put_provider(
            call.caller,
            PutProvider(
                id=canonical(body.get("uuid") or new_uuid()),
                name=body["name"],
                parent_id=canonical(parent) if parent else None,
            ),
        )
        resp.set_header("location", location(req, "resource_providers", provider.id))
        if _RETURNED.holds(call.version):
            answer(req, resp, _body(req, provider), changed_at(provider))
        else:
            resp.status = falcon.HTTP_201


class OneProvider(Resource):
    """One provider."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, provider_id: str) -> None:
        """Show it."""
        req.context.policy.allow("placement:resource_providers:show")
        with self._env.fresh(req) as snapshot:
            provider = known(snapshot, provider_id)
        answer(req, resp, _body(req, provider), changed_at(provider))

    def on_put(self, req: Request, resp: falcon.Response, provider_id: str) -> None:
        """Rename it, or give it another parent."""
        call = req.context
        call.policy.allow("placement:resource_providers:update")
        body = _UPDATE.read(req)
        with self._env.fresh(req) as snapshot:
            known(snapshot, provider_id)
        parent = body.get("parent_provider_uuid")
        provider = self._env.conductor.put_provider(
            call.caller,
            PutProvider(
                id=canonical(provider_id),
                name=body["name"],
                parent_id=canonical(parent) if parent else None,
                create=False,
                keep_parent="parent_provider_uuid" not in body,
                reparent=_REPARENT.holds(call.version),
            ),
        )
        answer(req, resp, _body(req, provider), changed_at(provider))

    def on_delete(self, req: Request, resp: falcon.Response, provider_id: str) -> None:
        """Delete it."""
        req.context.policy.allow("placement:resource_providers:delete")
        request = ProviderRef(id=canonical(provider_id)[:255])
        try:
            self._env.conductor.delete_provider(req.context.caller, request)
        except NotFound:
            raise NotFound(f"{no_provider(provider_id).message} for delete") from None
        resp.status = falcon.HTTP_204


def _select(snapshot: Snapshot, wanted: QueryValues, version: Version) -> Iterator[Provider]:
    said = wanted.last("resources")
    amounts = {} if said is None else filters.parse_resources(said)
    traits = filters.parse_traits(wanted.get("required", ()), version)
    aggregates = filters.parse_aggregates(wanted.get("member_of", ()), version)
    filters.check_classes(snapshot, amounts)
    filters.check_traits(snapshot, traits.names)
    if traits.contradictions:
        raise filters.contradictory({"required": traits.contradictions})
    name = wanted.last("name")
    for provider in _pool(snapshot, wanted):
        if (
            (name is None or provider.name == name)
            and aggregates.fits(provider.aggregates)
            and traits.fits(provider.traits)
            and all(_gives(provider, *part) for part in amounts.items())
        ):
            yield provider


def _pool(snapshot: Snapshot, wanted: QueryValues) -> Iterator[Provider]:
    provider_id = wanted.last("uuid")
    tree_id = wanted.last("in_tree")
    if tree_id is not None:
        tree = snapshot.tree_of(filters.parse_tree(tree_id))
        pool: Iterator[Provider] = iter(tree.members if tree is not None else ())
    elif provider_id is not None:
        one = snapshot.providers.get(canonical(provider_id))
        pool = iter((one,) if one is not None else ())
    else:
        pool = iter(sorted(snapshot.providers.values(), key=_age))
    for provider in pool:
        if provider_id is None or provider.id == canonical(provider_id):
            yield provider


def _age(provider: Provider) -> tuple[float, str]:
    made = provider.created_at
    return (made.timestamp() if made is not None else 0.0, provider.id)


def _gives(provider: Provider, name: str, amount: int) -> bool:
    return name in provider.inventories and provider.inventories[name].admits(amount)
