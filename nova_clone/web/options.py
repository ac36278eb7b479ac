"""From a parsed configuration to what stands in front of an application: policy, CORS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from nova_clone.web.policy import PolicySettings
from nova_clone.web.wsgi import WsgiApp

#: What a page of another origin may send, see and do unless ``[cors]`` says otherwise.
_CORS: Final[Mapping[str, Sequence[str]]] = {
    "allow_headers": (
        "X-Auth-Token",
        "X-Openstack-Request-Id",
        "X-Identity-Status",
        "X-Roles",
        "X-Service-Catalog",
        "X-User-Id",
        "X-Tenant-Id",
        "OpenStack-API-Version",
        "X-OpenStack-Nova-API-Version",
    ),
    "expose_headers": (
        "X-Auth-Token",
        "X-Openstack-Request-Id",
        "X-Subject-Token",
        "X-Service-Token",
        "OpenStack-API-Version",
        "X-OpenStack-Nova-API-Version",
    ),
    "allow_methods": ("GET", "PUT", "POST", "DELETE", "PATCH"),
}


def register(conf: Any) -> None:
    """Register the options of the libraries in front of an application; again is fine."""
    from oslo_middleware import cors
    from oslo_middleware import opts as middleware
    from oslo_policy import opts as policy

    cors.set_defaults(**{name: list(values) for name, values in _CORS.items()})

    for group, options in (
        *policy.list_opts(),
        *middleware.list_opts_sizelimit(),
        *middleware.list_opts_http_proxy_to_wsgi(),
        *middleware.list_opts_cors(),
    ):
        conf.register_opts(options, group=group)
    policy.set_defaults(conf)


def policy_settings(conf: Any, *places: str) -> PolicySettings:
    """Return where policy overrides are read from: beside the files of `conf`, then `places`."""
    register(conf)
    read = [str(Path(name).resolve().parent) for name in conf.config_file or ()]
    directories = (*read, *(conf.config_dir or ()), *places)
    return PolicySettings(
        policy_file=conf.oslo_policy.policy_file,
        policy_dirs=tuple(conf.oslo_policy.policy_dirs),
        enforce_new_defaults=conf.oslo_policy.enforce_new_defaults,
        config_dirs=tuple(dict.fromkeys(directories)),
    )


def with_cors(conf: Any, app: WsgiApp) -> WsgiApp:
    """Return `app` with the answers to other origins that ``[cors] allowed_origin`` wants."""
    register(conf)
    if not conf.cors.allowed_origin:
        return app
    from oslo_middleware import cors

    guarded: WsgiApp = cors.CORS(app, conf)
    return guarded
