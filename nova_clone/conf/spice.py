"""Consoles over SPICE."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "spice"

OPTIONS = [
    cfg.BoolOpt(
        "enabled",
        default=False,
        help="Give guests a SPICE console.",
    ),
    cfg.URIOpt(
        "html5proxy_base_url",
        default="http://127.0.0.1:6082/spice_auto.html",
        help="The address of the SPICE proxy as users see it.",
    ),
    cfg.URIOpt(
        "spice_direct_proxy_base_url",
        default="http://127.0.0.1:13002/nova",
        help="The address that clients of spice-direct consoles are sent to.",
    ),
    cfg.StrOpt(
        "server_proxyclient_address",
        default="127.0.0.1",
        help="The address at which the proxy reaches the consoles of this host.",
    ),
    cfg.HostAddressOpt(
        "html5proxy_host",
        default="0.0.0.0",  # noqa: S104 - as the field has it
        help="The address at which the SPICE proxy listens.",
    ),
    cfg.PortOpt(
        "html5proxy_port",
        default=6082,
        help="The port of the SPICE proxy.",
    ),
    cfg.StrOpt(
        "server_listen",
        default="127.0.0.1",
        help="The address at which the SPICE servers of guests listen.",
    ),
    cfg.BoolOpt(
        "agent_enabled",
        default=True,
        help="Give guests the channel of the SPICE agent.",
    ),
]
