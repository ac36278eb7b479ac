"""What every console proxy checks."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "console"

OPTIONS = [
    cfg.ListOpt(
        "allowed_origins",
        default=[],
        help="Other hosts whose pages may open a console.",
    ),
    cfg.StrOpt(
        "ssl_ciphers",
        help="The TLS ciphers of console proxies, in the notation of OpenSSL.",
    ),
    cfg.StrOpt(
        "ssl_minimum_version",
        default="default",
        choices=["default", "tlsv1_1", "tlsv1_2", "tlsv1_3"],
        help="The lowest TLS version of console proxies.",
    ),
]
