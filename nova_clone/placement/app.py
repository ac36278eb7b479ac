"""What a nova-placement-api process is made of: the REST API, the RPC endpoint, a snapshot."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nova_clone.contracts.conductor import ConductorContract
from nova_clone.contracts.placement import PlacementContract
from nova_clone.domain.identity import RequestContext
from nova_clone.placement.service import PlacementService
from nova_clone.placement.settings import PlacementSettings, from_conf
from nova_clone.placement.snapshot import Follower
from nova_clone.placement.web import history
from nova_clone.placement.web.edge import Edge
from nova_clone.placement.web.environment import Environment
from nova_clone.placement.web.routes import routes
from nova_clone.placement.web.rules import RULES
from nova_clone.rpc.contract import endpoint, proxy
from nova_clone.rpc.echo import Echo
from nova_clone.rpc.transport import Bus
from nova_clone.runtime.daemon import Process, Service
from nova_clone.runtime.health import Status
from nova_clone.runtime.logging import log_context, rpc_log_context
from nova_clone.web.app import DoorSettings, Hooks, build_app
from nova_clone.web.auth import AuthSettings
from nova_clone.web.call import BodyLimits
from nova_clone.web.policy import Policy, PolicySettings
from nova_clone.web.server import HttpServer, ServerSettings
from nova_clone.web.wsgi import WsgiApp

_BACKLOG = 1024


def door(conf: Any, settings: PlacementSettings) -> DoorSettings:
    """Return how the REST API is entered."""
    register_libraries(conf)
    return DoorSettings(
        scheme=history.SCHEME,
        auth=AuthSettings(
            strategy=conf.api.auth_strategy,
            keystone={"oslo_config_config": conf},
            challenge=conf.keystone_authtoken.www_authenticate_uri or "",
        ),
        faults="placement",
        prefixes=(("", False),),
        project_segment=False,
        limits=BodyLimits(
            max_bytes=settings.max_body_bytes,
            media_types=("application/json",),
            refuse_untyped=True,
        ),
        trust_proxy=conf.oslo_middleware.enable_proxy_headers_parsing,
        id_headers=("x-openstack-request-id",),
    )


def policy_settings(conf: Any) -> PolicySettings:
    """Return where policy overrides are read from."""
    register_libraries(conf)
    read = [str(Path(name).resolve().parent) for name in conf.config_file or ()]
    places = (*read, *(conf.config_dir or ()), "/etc/nova", "/etc/placement")
    return PolicySettings(
        policy_file=conf.oslo_policy.policy_file,
        policy_dirs=tuple(conf.oslo_policy.policy_dirs),
        enforce_new_defaults=conf.oslo_policy.enforce_new_defaults,
        config_dirs=tuple(dict.fromkeys(places)),
    )


def register_libraries(conf: Any) -> None:
    """Register the options of the libraries in front of the REST API."""
    from oslo_middleware import opts as middleware
    from oslo_policy import opts as policy

    for group, options in (
        *policy.list_opts(),
        *middleware.list_opts_http_proxy_to_wsgi(),
        *middleware.list_opts_cors(),
    ):
        conf.register_opts(options, group=group)
    policy.set_defaults(conf)


def build_web(
    conf: Any, env: Environment, *, policy: Policy, hooks: Hooks | None = None
) -> WsgiApp:
    """Return the REST API."""
    app: WsgiApp = Edge(
        build_app(door(conf, env.settings), routes(env), policy=policy, hooks=hooks)
    )
    if not conf.cors.allowed_origin:
        return app
    from oslo_middleware import cors

    guarded: WsgiApp = cors.CORS(app, conf)
    return guarded


def listener(conf: Any) -> socket.socket:
    """Return the socket that all processes of the daemon share."""
    address = (conf.placement_api.listen, conf.placement_api.listen_port)
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    return socket.create_server(address, family=family, backlog=_BACKLOG)


def build(process: Process) -> Sequence[Service]:
    """Return the services of one process, in the order they start."""
    conf = process.conf
    settings = from_conf(conf)
    bus = Bus(conf, name="nova-placement-api", host=process.host, around=rpc_log_context)
    conductor = proxy(ConductorContract, bus)
    follower = Follower(conductor)
    server = bus.server(
        "placement",
        process.server_name,
        [endpoint(PlacementContract, PlacementService(follower, settings))],
        threads=settings.rpc_threads,
    )
    echo = Echo(bus, server)
    process.health.add(
        "rpc", lambda: Status(healthy=echo.reachable, details={"echo_age": round(echo.age, 1)})
    )
    web = build_web(
        conf,
        Environment(settings=settings, conductor=conductor, follower=follower),
        policy=Policy(RULES, policy_settings(conf)),
        hooks=Hooks(on_caller=_CallerLog()),
    )
    http = HttpServer(web, _server_settings(settings), listener=process.shared)
    return (server, echo, http)


def _server_settings(settings: PlacementSettings) -> ServerSettings:
    return ServerSettings(
        host=settings.listen,
        port=settings.port,
        threads=settings.http_threads,
        max_body_bytes=settings.max_body_bytes,
        idle_timeout=settings.idle_timeout,
    )


class _CallerLog:
    """Lets log lines name the caller of the request that their thread handles."""

    def __init__(self) -> None:
        self._local = threading.local()

    def __call__(self, caller: RequestContext | None) -> None:
        held: contextlib.ExitStack | None = getattr(self._local, "held", None)
        if held is None:
            held = self._local.held = contextlib.ExitStack()
        if caller is None:
            held.close()
        else:
            held.enter_context(log_context(caller))
