"""The composition of the compute API: settings and services become a WSGI application."""

from __future__ import annotations

import dataclasses

from nova_clone.api import history
from nova_clone.api.environment import ComputeOf, Environment
from nova_clone.api.routes import routes
from nova_clone.api.rules import RULES
from nova_clone.api.settings import ApiSettings
from nova_clone.api.versions.resource import choices
from nova_clone.contracts.conductor import ConductorContract
from nova_clone.web.app import DoorSettings, Hooks, build_app
from nova_clone.web.policy import Policy
from nova_clone.web.wsgi import WsgiApp


def build(
    settings: ApiSettings,
    conductor: ConductorContract,
    compute: ComputeOf,
    *,
    hooks: Hooks | None = None,
) -> WsgiApp:
    """Return the compute API; `compute` finds the service of a host by its name."""
    env = Environment(settings=settings, conductor=conductor, compute=compute)
    door = DoorSettings(
        scheme=history.SCHEME,
        auth=settings.auth,
        limits=settings.limits,
        link_prefix=settings.compute_link_prefix,
        trust_proxy=settings.trust_proxy,
    )
    return build_app(
        door,
        routes(env),
        policy=Policy(RULES, settings.policy),
        hooks=dataclasses.replace(hooks or Hooks(), unrouted=choices),
    )
