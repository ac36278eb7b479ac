"""The network service, as commands reach it."""

from __future__ import annotations

from typing import Any

from nova_clone.clients.network import Networks
from nova_clone.clients.session import Connection, ServiceAuth, own_credentials

_OPTIONS = ("keystone_authtoken_credentials", "neutron", "service_user")


def networks(conf: Any) -> Networks:
    """Return a client that acts for the daemons; nothing is sent before it is used."""
    from nova_clone.conf.opts import register_opts

    register_opts(conf, _OPTIONS)
    settings = ServiceAuth.from_section(
        conf.neutron, service_type="network", credentials=own_credentials(conf)
    )
    return Networks(Connection(settings))
