"""What a nova-placement-api process is made of: the REST API, the RPC endpoint, a snapshot."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from nova_clone.contracts.conductor import ConductorContract
from nova_clone.contracts.placement import PlacementContract
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
from nova_clone.runtime.listening import listen
from nova_clone.runtime.logging import CallerLog, rpc_log_context
from nova_clone.web import options
from nova_clone.web.app import DoorSettings, Hooks, build_app
from nova_clone.web.auth import AuthSettings
from nova_clone.web.call import BodyLimits
from nova_clone.web.policy import Policy
from nova_clone.web.server import HttpServer, ServerSettings
from nova_clone.web.wsgi import WsgiApp

#: Where policy files may lie, beside the configuration's own directories.
POLICY_PLACES = ("/etc/nova", "/etc/placement")


def door(conf: Any, settings: PlacementSettings) -> DoorSettings:
    """Return how the REST API is entered."""
    options.register(conf)
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


def build_web(
    conf: Any, env: Environment, *, policy: Policy, hooks: Hooks | None = None
) -> WsgiApp:
    """Return the REST API."""
    app: WsgiApp = Edge(
        build_app(door(conf, env.settings), routes(env), policy=policy, hooks=hooks)
    )
    return options.with_cors(conf, app)


def listener(conf: Any) -> socket.socket:
    """Return the socket that all processes of the daemon share."""
    return listen(conf.placement_api.listen, conf.placement_api.listen_port)


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
        policy=Policy(RULES, options.policy_settings(conf, *POLICY_PLACES)),
        hooks=Hooks(on_caller=CallerLog()),
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
