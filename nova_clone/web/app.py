"""Putting a door together: settings and a table of routes become a WSGI application."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import falcon
import falcon.media
import msgspec

from nova_clone.domain.errors import NotFound
from nova_clone.web.auth import AuthSettings, authenticated
from nova_clone.web.call import BodyLimits, Request
from nova_clone.web.errors import FailureBody, handle_with, nova_fault, placement_errors
from nova_clone.web.middleware import Arrival, Links, Mount, OnCaller, Outermost
from nova_clone.web.policy import Policy
from nova_clone.web.versions import Between, VersionScheme, between
from nova_clone.web.wsgi import WsgiApp

HealthCheck = Callable[[], str | None]
"""Returns None when healthy, else the reason, in words safe to show to anyone."""

Unrouted = Callable[[Request, falcon.Response], None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DoorSettings:
    """What a service tells its door.

    `prefixes` are the paths that versioned routes hang under, each with
    whether it is the lenient legacy one; an empty prefix hangs them at the
    root. Paths under no prefix are served without a token. `link_prefix` is
    ``[api] compute_link_prefix``, `trust_proxy` is
    ``[oslo_middleware] enable_proxy_headers_parsing``.
    """

    scheme: VersionScheme
    auth: AuthSettings
    faults: Literal["nova", "placement"] = "nova"
    prefixes: tuple[tuple[str, bool], ...] = (("/v2.1", False), ("/v2", True))
    project_segment: bool = True
    limits: BodyLimits = dataclasses.field(default_factory=BodyLimits)
    link_prefix: str | None = None
    trust_proxy: bool = False
    id_headers: tuple[str, ...] = ("x-openstack-request-id", "x-compute-request-id")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hooks:
    """What a process hangs into its door.

    `on_caller` is told who asks before a request is handled, so that log
    lines can name them. `health` are the named checks behind
    ``/healthcheck``. `unrouted` answers paths outside every prefix.
    """

    on_caller: OnCaller | None = None
    health: Mapping[str, HealthCheck] = dataclasses.field(default_factory=dict)
    unrouted: Unrouted | None = None


class Route:
    """A path below the versioned prefix and the falcon resource that serves it.

    `resource` answers 404 outside the span of versions. With `versioned`
    False the path stands outside every prefix. A resource whose attribute
    ``public`` is true is served without a token where the path needs none.
    """

    __slots__ = ("path", "resource", "suffix", "versioned", "when")

    def __init__(
        self,
        path: str,
        resource: object,
        *,
        since: str | None = None,
        until: str | None = None,
        suffix: str | None = None,
        versioned: bool = True,
    ) -> None:
        self.path = path
        self.versioned = versioned
        self.resource = resource
        self.when: Between = between(since, until)
        self.suffix = suffix


def build_app(
    settings: DoorSettings,
    routes: Iterable[Route],
    *,
    policy: Policy,
    hooks: Hooks | None = None,
) -> WsgiApp:
    """Return the WSGI application that serves `routes`."""
    hooks = hooks or Hooks()
    routes = tuple(routes)
    body: FailureBody = nova_fault if settings.faults == "nova" else placement_errors
    arrival = Arrival(
        mount=_mount(settings, routes),
        scheme=settings.scheme,
        policy=policy,
        limits=settings.limits,
        on_caller=hooks.on_caller,
        links=Links(prefix=settings.link_prefix, trust_proxy=settings.trust_proxy),
    )
    app: falcon.App[Request, falcon.Response] = falcon.App(
        middleware=[arrival], request_type=Request
    )
    app.resp_options.media_handlers[falcon.MEDIA_JSON] = falcon.media.JSONHandler(
        dumps=msgspec.json.encode
    )
    for kind in (Exception, falcon.HTTPError):
        app.add_error_handler(kind, handle_with(body))
    for route in routes:
        _add(app, settings.prefixes[0][0], route)
    app.add_route("/healthcheck", _Health(hooks.health))
    if hooks.unrouted is not None:
        app.add_sink(_sink(hooks.unrouted), prefix="/")
    guarded = authenticated(
        app, settings.auth, prefixes=[prefix for prefix, _ in settings.prefixes]
    )
    return Outermost(
        guarded,
        id_headers=settings.id_headers,
        failure_body=body,
        on_caller=hooks.on_caller,
    )


def _mount(settings: DoorSettings, routes: Iterable[Route]) -> Mount:
    versioned = [route for route in routes if route.versioned]
    canonical = settings.prefixes[0][0]
    return Mount(
        prefixes=settings.prefixes,
        heads=frozenset(route.path.split("/")[1] for route in versioned if len(route.path) > 1),
        spans={_template(canonical, route): route.when for route in versioned},
        project_segment=settings.project_segment,
    )


def _template(canonical: str, route: Route) -> str:
    if not route.versioned:
        return route.path
    return canonical + route.path.rstrip("/") or "/"


def _add(app: falcon.App[Request, falcon.Response], canonical: str, route: Route) -> None:
    if route.suffix is None:
        app.add_route(_template(canonical, route), route.resource)
    else:
        app.add_route(_template(canonical, route), route.resource, suffix=route.suffix)


def _sink(answer: Unrouted) -> Callable[..., None]:
    def sink(req: Request, resp: falcon.Response, **params: Any) -> None:
        if req.context.versioned:
            raise NotFound("The resource could not be found.")
        answer(req, resp)

    return sink


class _Health:
    """Says whether every check passes: 200, or 503 with one line per failed one."""

    def __init__(self, checks: Mapping[str, HealthCheck]) -> None:
        self._checks = checks

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """Run all checks."""
        reasons = {name: check() for name, check in self._checks.items()}
        failed = [f"{name}: {reason}" for name, reason in reasons.items() if reason is not None]
        resp.content_type = falcon.MEDIA_TEXT
        resp.status = falcon.HTTP_503 if failed else falcon.HTTP_200
        resp.text = "\n".join(failed) if failed else "OK"
