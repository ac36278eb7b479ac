"""The processes of nova-api: sockets, message bus and HTTP servers around the applications."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from nova_clone.api import app
from nova_clone.api.listening import METADATA, OS_COMPUTE, address
from nova_clone.api.metadata import app as metadata_app
from nova_clone.api.metadata.settings import MetadataSettings
from nova_clone.api.settings import ApiSettings
from nova_clone.contracts.compute import ComputeContract
from nova_clone.contracts.conductor import ConductorContract
from nova_clone.rpc.contract import proxy
from nova_clone.rpc.echo import Echo
from nova_clone.rpc.transport import Bus
from nova_clone.runtime.daemon import Process, Service
from nova_clone.runtime.health import Status
from nova_clone.runtime.logging import CallerLog
from nova_clone.web import options
from nova_clone.web.app import Hooks
from nova_clone.web.auth import AuthSettings
from nova_clone.web.call import BodyLimits
from nova_clone.web.server import HttpServer, ServerSettings
from nova_clone.web.wsgi import WsgiApp

_RPC_THREADS: Final = 2
#: Seconds.
_NEVER: Final = 365 * 86400


@dataclasses.dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What an application needs of its process."""

    conductor: ConductorContract
    compute: Callable[[str], ComputeContract]
    hooks: Hooks


def _compute_app(conf: Any, around: Surroundings) -> WsgiApp:
    built = app.build(api_settings(conf), around.conductor, around.compute, hooks=around.hooks)
    return options.with_cors(conf, built)


def _metadata_app(conf: Any, around: Surroundings) -> WsgiApp:
    return metadata_app.build(MetadataSettings.from_conf(conf), around.conductor)


_APPLICATIONS: Final[Mapping[str, Callable[[Any, Surroundings], WsgiApp]]] = {
    OS_COMPUTE: _compute_app,
    METADATA: _metadata_app,
}


def api_settings(conf: Any) -> ApiSettings:
    """Return the API's settings in a configuration; registers what libraries define."""
    options.register(conf)
    return ApiSettings(
        auth=AuthSettings(
            keystone={"oslo_config_config": conf},
            challenge=conf.keystone_authtoken.www_authenticate_uri or "",
        ),
        policy=options.policy_settings(conf, "/etc/nova"),
        limits=BodyLimits(max_bytes=conf.oslo_middleware.max_request_body_size),
        max_limit=conf.api.max_limit,
        compute_link_prefix=conf.api.compute_link_prefix,
        enable_instance_password=conf.api.enable_instance_password,
        password_length=conf.password_length,
        trust_proxy=conf.oslo_middleware.enable_proxy_headers_parsing,
        internal_zone=conf.internal_service_availability_zone,
    )


def services(process: Process, names: Sequence[str]) -> Sequence[Service]:
    """Return what one process is made of that serves the named applications."""
    conf = process.conf
    bus = Bus(conf, name=process.name, host=process.host)
    # Nobody calls this daemon; the server only lets it call itself, to know it is connected.
    own = bus.server(
        "api", f"{process.host}-{process.name}-{process.worker}", [], threads=_RPC_THREADS
    )
    echo = Echo(bus, own)
    process.health.add(
        "rpc", lambda: Status(healthy=echo.reachable, details={"echo_age": round(echo.age, 1)})
    )
    around = Surroundings(
        conductor=proxy(ConductorContract, bus),
        compute=functools.cache(lambda host: proxy(ComputeContract, bus, server=host)),
        hooks=Hooks(on_caller=CallerLog()),
    )
    servers = [
        HttpServer(
            _APPLICATIONS[name](conf, around),
            _server_settings(conf, name),
            listener=process.shared[name],
        )
        for name in names
    ]
    return (own, echo, *servers)


def _server_settings(conf: Any, name: str) -> ServerSettings:
    host, port = address(conf, name)
    return ServerSettings(
        host=host,
        port=port,
        threads=conf.wsgi.default_pool_size,
        max_header_bytes=max(conf.wsgi.max_header_line, ServerSettings.max_header_bytes),
        max_body_bytes=BodyLimits.max_bytes,
        idle_timeout=conf.wsgi.client_socket_timeout or _NEVER,
    )
