"""Serial consoles over websockets."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "serial_console"

OPTIONS = [
    cfg.BoolOpt(
        "enabled",
        default=False,
        help="Give guests serial consoles.",
    ),
    cfg.URIOpt(
        "base_url",
        default="ws://127.0.0.1:6083/",
        help="The address of the serial console proxy as users see it.",
    ),
    cfg.StrOpt(
        "port_range",
        default="10000:20000",
        help="TCP ports for the serial consoles of guests, as first:last.",
    ),
    cfg.StrOpt(
        "proxyclient_address",
        default="127.0.0.1",
        help="The address at which the proxy reaches the serial consoles of this host.",
    ),
    cfg.HostAddressOpt(
        "serialproxy_host",
        default="0.0.0.0",  # noqa: S104 - as the field has it
        help="The address at which the serial console proxy listens.",
    ),
    cfg.PortOpt(
        "serialproxy_port",
        default=6083,
        help="The port of the serial console proxy.",
    ),
]
