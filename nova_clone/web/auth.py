"""Who asks: token validation in front of the application, identity behind it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from nova_clone.domain.identity import ProjectId, RequestContext, RequestId, UserId
from nova_clone.web.policy import Policy
from nova_clone.web.token_cache import TokenCache
from nova_clone.web.wsgi import Environ, StartResponse, WsgiApp

PUBLIC_PATHS: Final = frozenset(("", "/", "/v2", "/v2/", "/v2.1", "/v2.1/", "/healthcheck"))

_CACHE_KEY: Final = "nova_clone.token_cache"
_IDENTITY_HEADERS: Final = (
    "HTTP_X_IDENTITY_STATUS",
    "HTTP_X_SERVICE_IDENTITY_STATUS",
    "HTTP_X_SERVICE_CATALOG",
    "HTTP_X_IS_ADMIN_PROJECT",
    "HTTP_X_TENANT",
    "HTTP_X_TENANT_ID",
    "HTTP_X_TENANT_NAME",
    "HTTP_X_USER",
    "HTTP_X_ROLE",
    "HTTP_OPENSTACK_SYSTEM_SCOPE",
    *(
        f"HTTP_X_{service}{name}"
        for service in ("", "SERVICE_")
        for name in (
            "DOMAIN_ID",
            "DOMAIN_NAME",
            "PROJECT_ID",
            "PROJECT_NAME",
            "PROJECT_DOMAIN_ID",
            "PROJECT_DOMAIN_NAME",
            "ROLES",
            "USER_ID",
            "USER_NAME",
            "USER_DOMAIN_ID",
            "USER_DOMAIN_NAME",
        )
    ),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class AuthSettings:
    """How callers prove who they are.

    ``keystone`` holds what `keystonemiddleware.auth_token` is given: option
    values of ``[keystone_authtoken]`` by name, or an existing ``ConfigOpts``
    under ``oslo_config_config``. ``noauth_roles`` are the roles that noauth2
    gives a user other than ``admin``. `challenge` is the authentication URI
    named in a 401 of noauth2.
    """

    strategy: Literal["keystone", "noauth2"] = "keystone"
    keystone: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)
    noauth_roles: tuple[str, ...] = ()
    challenge: str = "noauth2"
    public_paths: frozenset[str] = PUBLIC_PATHS
    token_cache_size: int = 2000


def authenticated(
    app: WsgiApp, settings: AuthSettings, *, prefixes: Sequence[str] = ("",)
) -> WsgiApp:
    """Return `app` behind the strategy's check.

    Guarded is what lies under one of `prefixes` (the empty one means all),
    apart from the settings' public paths.
    """
    if settings.strategy == "noauth2":
        checked: WsgiApp = _NoAuth(app, settings)
    else:
        checked = _keystone(app, settings)
    return _Gate(app, checked, prefixes=tuple(prefixes), public=settings.public_paths)


class _Gate:
    """Lets requests for public paths through, without any claimed identity."""

    def __init__(
        self, app: WsgiApp, checked: WsgiApp, *, prefixes: tuple[str, ...], public: frozenset[str]
    ) -> None:
        self._app = app
        self._checked = checked
        self._public = public
        self._exact = prefixes
        self._under = tuple(f"{prefix}/" for prefix in prefixes)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ.get("PATH_INFO", "")
        guarded = path in self._exact or path.startswith(self._under)
        if guarded and path not in self._public:
            return self._checked(environ, start_response)
        strip_identity(environ)
        return self._app(environ, start_response)


def _keystone(app: WsgiApp, settings: AuthSettings) -> WsgiApp:
    from keystonemiddleware import auth_token
    from oslo_config import cfg

    conf = dict(settings.keystone)
    options = conf.get("oslo_config_config")
    if options is None:
        options = conf["oslo_config_config"] = cfg.ConfigOpts()
        options(args=[], default_config_files=[], default_config_dirs=[], use_env=False)
    for group, known in auth_token.list_opts():
        options.register_opts(known, group=group)
    shared = conf.get("memcached_servers") or options.keystone_authtoken.memcached_servers
    key = conf.setdefault("cache", options.keystone_authtoken.cache or _CACHE_KEY)
    cache = None if shared else TokenCache(settings.token_cache_size)
    return _TokenCheck(auth_token.AuthProtocol(app, conf), key, cache)


class _TokenCheck:
    """The token middleware, with one token cache for all threads of the process.

    Left alone, the middleware would keep one cache for each thread that ever
    validated a token at the same time as another, none of them bounded.
    """

    def __init__(self, app: WsgiApp, key: str, cache: TokenCache | None) -> None:
        self._app = app
        self._key = key
        self._cache = cache

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        strip_identity(environ)
        if self._cache is not None:
            environ[self._key] = self._cache
        return self._app(environ, start_response)


class _NoAuth:
    """Believes a token of the form ``user:project``; for tests and trials only.

    Headers may claim roles, a project and a system scope besides.
    """

    def __init__(self, app: WsgiApp, settings: AuthSettings) -> None:
        self._app = app
        self._settings = settings

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        roles = environ.get("HTTP_X_ROLES")
        claimed = environ.get("HTTP_X_PROJECT_ID")
        scope = environ.get("HTTP_OPENSTACK_SYSTEM_SCOPE")
        strip_identity(environ)
        user, _, project = environ.get("HTTP_X_AUTH_TOKEN", "").strip().partition(":")
        if not user:
            return self._refuse(start_response)
        project = claimed or project
        if scope is not None:
            environ["HTTP_OPENSTACK_SYSTEM_SCOPE"] = scope
        if roles is None:
            granted = ("admin",) if user == "admin" else ()
            roles = ",".join((*granted, *self._settings.noauth_roles))
        environ["HTTP_X_IDENTITY_STATUS"] = "Confirmed"
        environ["HTTP_X_USER_ID"] = environ["HTTP_X_USER_NAME"] = user
        environ["HTTP_X_PROJECT_ID"] = environ["HTTP_X_PROJECT_NAME"] = project or user
        environ["HTTP_X_ROLES"] = roles
        return self._app(environ, start_response)

    def _refuse(self, start_response: StartResponse) -> Iterable[bytes]:
        message = "The request you have made requires authentication."
        body = json.dumps({"error": {"code": 401, "title": "Unauthorized", "message": message}})
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("WWW-Authenticate", f'Keystone uri="{self._settings.challenge}"'),
        ]
        start_response("401 Unauthorized", headers)
        return [body.encode()]


def strip_identity(environ: Environ) -> None:
    """Remove every header by which a client could claim an identity."""
    for name in _IDENTITY_HEADERS:
        environ.pop(name, None)


def caller_of(environ: Environ, request_id: RequestId, policy: Policy) -> RequestContext | None:
    """Return the caller that the check in front has confirmed; None without one."""
    if environ.get("HTTP_X_IDENTITY_STATUS") != "Confirmed":
        return None
    get: Callable[[str], str | None] = environ.get
    context = RequestContext(
        request_id=request_id,
        user_id=_as(UserId, get("HTTP_X_USER_ID")),
        project_id=_as(ProjectId, get("HTTP_X_PROJECT_ID")),
        roles=_names(get("HTTP_X_ROLES")),
        user_name=get("HTTP_X_USER_NAME"),
        project_name=get("HTTP_X_PROJECT_NAME"),
        user_domain_id=get("HTTP_X_USER_DOMAIN_ID"),
        project_domain_id=get("HTTP_X_PROJECT_DOMAIN_ID"),
        system_scope=get("HTTP_OPENSTACK_SYSTEM_SCOPE"),
        service_roles=_names(get("HTTP_X_SERVICE_ROLES")),
        global_request_id=get("nova_clone.global_request_id"),
        remote_address=get("REMOTE_ADDR"),
        auth_token=get("HTTP_X_AUTH_TOKEN"),
    )
    return dataclasses.replace(context, is_admin=policy.is_admin(context))


def _as(kind: Callable[[str], Any], text: str | None) -> Any:
    return kind(text) if text else None


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())
