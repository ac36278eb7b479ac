"""The HTTP door of the network service: routes, bodies and faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

import falcon

from nova_clone.standalone.authentication import RequireToken, Tokens, bearer
from nova_clone.standalone.network import checks, faults
from nova_clone.standalone.network.collection import Caller, Collection
from nova_clone.standalone.network.extensions import extensions
from nova_clone.standalone.network.listing import Query
from nova_clone.standalone.network.quotas import Quotas
from nova_clone.standalone.network.routers import Routers
from nova_clone.standalone.wire import install_faults, read_json, send_json

#: Most records that one request may create.
MAX_BULK = 1000
_MAX_TAGS = 50

App = falcon.App[Any, Any]

_FAULT_KINDS = {
    400: "HTTPBadRequest",
    404: "HTTPNotFound",
    405: "HTTPMethodNotAllowed",
    413: "HTTPRequestEntityTooLarge",
}


def build_door(
    collections: Mapping[str, Collection[Any]],
    *,
    routers: Routers,
    quotas: Quotas,
    agents: Callable[[], list[dict[str, Any]]],
    tokens: Tokens,
    auth_url: str,
) -> App:
    """Return the WSGI app; `collections` are by the last part of their URL."""
    app = App(middleware=[RequireToken(tokens, auth_url=auth_url)])
    app.req_options.strip_url_path_trailing_slash = True
    install_faults(app, _fault_body)
    app.add_error_handler(faults.Fault, _answer_fault)
    app.add_route("/", _Versions())
    app.add_route("/v2.0", _Resources(tuple(collections)))
    for path, collection in collections.items():
        base = f"/v2.0/{path}"
        app.add_route(base, _Plural(collection))
        app.add_route(f"{base}/{{key}}", _Singular(collection))
        app.add_route(f"{base}/{{key}}/tags", _Tags(collection))
        app.add_route(f"{base}/{{key}}/tags/{{tag}}", _Tag(collection))
    app.add_route("/v2.0/routers/{key}/add_router_interface", _Put(routers.add_interface))
    app.add_route("/v2.0/routers/{key}/remove_router_interface", _Put(routers.remove_interface))
    app.add_route("/v2.0/quotas", _AllQuotas(quotas))
    app.add_route("/v2.0/quotas/{key}", _OneQuota(quotas))
    app.add_route("/v2.0/quotas/{key}/default", _Get(quotas.defaults))
    app.add_route("/v2.0/quotas/{key}/details", _Get(quotas.details))
    app.add_route("/v2.0/extensions", _Static({"extensions": extensions()}))
    app.add_route("/v2.0/extensions/{key}", _Get(_extension))
    app.add_route("/v2.0/service-providers", _Static({"service_providers": []}))
    app.add_route("/v2.0/availability_zones", _Static({"availability_zones": _zones()}))
    app.add_route("/v2.0/agents", _Agents(agents))
    return app


def _fault_body(status: int, title: str, message: str) -> Mapping[str, Any]:
    kind = _FAULT_KINDS.get(status, f"HTTP{title.replace(' ', '')}")
    return {"NeutronError": {"type": kind, "message": message, "detail": ""}}


def _answer_fault(
    request: falcon.Request, response: falcon.Response, fault: faults.Fault, params: Any
) -> None:
    send_json(response, fault.body(), status=fault.status)


def _caller(request: falcon.Request) -> Caller:
    record = bearer(request)
    return Caller(
        project_id=record.project_id or "", admin=record.is_admin, service=record.is_service
    )


def _query(request: falcon.Request) -> Query:
    return Query(
        parameters=parse_qs(request.query_string, keep_blank_values=True),
        url=f"{request.prefix}{request.path}",
    )


def _extension(caller: Caller, key: str) -> dict[str, Any]:
    for extension in extensions():
        if extension["alias"] == key:
            return {"extension": extension}
    raise faults.Fault(404, "ExtensionNotFound", f"Extension with alias {key} does not exist")


def _zones() -> list[dict[str, str]]:
    return [
        {"name": "nova", "resource": resource, "state": "available"}
        for resource in ("network", "router")
    ]


class _Versions:
    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        link = {"rel": "self", "href": f"{request.prefix}/v2.0/"}
        send_json(response, {"versions": [{"id": "v2.0", "status": "CURRENT", "links": [link]}]})


class _Resources:
    def __init__(self, paths: tuple[str, ...]) -> None:
        self._paths = paths

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        resources = [
            {
                "name": path.rstrip("s"),
                "collection": path,
                "links": [{"rel": "self", "href": f"{request.prefix}/v2.0/{path}"}],
            }
            for path in self._paths
        ]
        send_json(response, {"resources": resources})


class _Plural:
    def __init__(self, collection: Collection[Any]) -> None:
        self._collection = collection

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        send_json(response, self._collection.list(_caller(request), _query(request)))

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        schema = self._collection.schema
        body = read_json(request)
        if schema.plural in body:
            bodies = body[schema.plural]
            if not isinstance(bodies, list) or not 0 < len(bodies) <= MAX_BULK:
                raise faults.malformed(f"{schema.plural} is not a list of 1 to {MAX_BULK} items")
            made = self._collection.create(_caller(request), bodies)
            send_json(response, {schema.plural: made}, status=201)
            return
        if schema.singular not in body:
            raise faults.malformed(f"Unable to find '{schema.singular}' in request body")
        made = self._collection.create(_caller(request), [body[schema.singular]])
        send_json(response, {schema.singular: made[0]}, status=201)


class _Singular:
    def __init__(self, collection: Collection[Any]) -> None:
        self._collection = collection

    def on_get(self, request: falcon.Request, response: falcon.Response, key: str) -> None:
        view = self._collection.show(_caller(request), key)
        fields = _query(request).fields()
        if fields:
            view = {name: value for name, value in view.items() if name in fields}
        send_json(response, {self._collection.schema.singular: view})

    def on_put(self, request: falcon.Request, response: falcon.Response, key: str) -> None:
        name = self._collection.schema.singular
        changes = read_json(request).get(name)
        send_json(response, {name: self._collection.update(_caller(request), key, changes)})

    def on_delete(self, request: falcon.Request, response: falcon.Response, key: str) -> None:
        self._collection.delete(_caller(request), key)
        response.status = falcon.HTTP_204


class _Tags:
    def __init__(self, collection: Collection[Any]) -> None:
        self._collection = collection

    def on_get(self, request: falcon.Request, response: falcon.Response, key: str) -> None:
        view = self._collection.show(_caller(request), key)
        send_json(response, {"tags": view["tags"]})

    def on_put(self, request: falcon.Request, response: falcon.Response, key: str) -> None:
        tags = checks.listed(_tag)("tags", read_json(request).get("tags"))
        if len(tags) > _MAX_TAGS:
            raise faults.malformed(f"More than {_MAX_TAGS} tags")
        send_json(response, {"tags": self._collection.tag(_caller(request), key, tags)})

    def on_delete(self, request: falcon.Request, response: falcon.Response, key: str) -> None:
        self._collection.tag(_caller(request), key, ())
        response.status = falcon.HTTP_204


class _Tag:
    def __init__(self, collection: Collection[Any]) -> None:
        self._collection = collection

    def on_get(
        self, request: falcon.Request, response: falcon.Response, key: str, tag: str
    ) -> None:
        self._must_have(_caller(request), key, tag)
        response.status = falcon.HTTP_204

    def on_put(
        self, request: falcon.Request, response: falcon.Response, key: str, tag: str
    ) -> None:
        caller = _caller(request)
        with self._collection.state.change():
            tags = (*self._collection.show(caller, key)["tags"], _tag("tag", tag))
            if len(tags) > _MAX_TAGS:
                raise faults.malformed(f"More than {_MAX_TAGS} tags")
            self._collection.tag(caller, key, tags)
        response.status = falcon.HTTP_201

    def on_delete(
        self, request: falcon.Request, response: falcon.Response, key: str, tag: str
    ) -> None:
        caller = _caller(request)
        with self._collection.state.change():
            tags = self._must_have(caller, key, tag)
            self._collection.tag(caller, key, [kept for kept in tags if kept != tag])
        response.status = falcon.HTTP_204

    def _must_have(self, caller: Caller, key: str, tag: str) -> tuple[str, ...]:
        tags: tuple[str, ...] = self._collection.show(caller, key)["tags"]
        if tag not in tags:
            raise faults.Fault(404, "TagNotFound", f"Tag {tag} could not be found.")
        return tags


def _tag(name: str, value: Any) -> str:
    tag: str = checks.text(60)(name, value)
    if not tag:
        raise faults.malformed("A tag must not be empty")
    return tag


class _Put:
    def __init__(self, action: Callable[[Caller, str, Any], dict[str, Any]]) -> None:
        self._action = action

    def on_put(self, request: falcon.Request, response: falcon.Response, key: str) -> None:
        send_json(response, self._action(_caller(request), key, read_json(request)))


class _Get:
    def __init__(self, action: Callable[[Caller, str], dict[str, Any]]) -> None:
        self._action = action

    def on_get(self, request: falcon.Request, response: falcon.Response, key: str) -> None:
        send_json(response, self._action(_caller(request), key))


class _Static:
    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        send_json(response, self._body)


class _Agents:
    def __init__(self, agents: Callable[[], list[dict[str, Any]]]) -> None:
        self._agents = agents

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        if not _caller(request).admin:
            raise faults.forbidden("get_agent")
        send_json(response, {"agents": self._agents()})


class _AllQuotas:
    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        send_json(response, self._quotas.list(_caller(request)))


class _OneQuota:
    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas

    def on_get(self, request: falcon.Request, response: falcon.Response, key: str) -> None:
        send_json(response, self._quotas.show(_caller(request), key))

    def on_put(self, request: falcon.Request, response: falcon.Response, key: str) -> None:
        body = read_json(request).get("quota")
        send_json(response, self._quotas.update(_caller(request), key, body))

    def on_delete(self, request: falcon.Request, response: falcon.Response, key: str) -> None:
        self._quotas.delete(_caller(request), key)
        response.status = falcon.HTTP_204
