"""Options that the console proxies share."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "DEFAULT"

OPTIONS = [
    cfg.StrOpt(
        "web",
        default="/usr/share/spice-html5",
        help="The directory of the static files that a console proxy serves.",
    ),
    cfg.StrOpt(
        "cert",
        default="self.pem",
        help="The TLS certificate of a console proxy.",
    ),
    cfg.StrOpt(
        "key",
        help="The TLS key of a console proxy, when it is not in the certificate file.",
    ),
    cfg.BoolOpt(
        "ssl_only",
        default=False,
        help="Refuse websockets without TLS.",
    ),
    cfg.BoolOpt(
        "daemon",
        default=False,
        help="Kept for deployments that name it; proxies stay in the foreground.",
    ),
    cfg.StrOpt(
        "record",
        help="The file to which console sessions are recorded.",
    ),
    cfg.BoolOpt(
        "source_is_ipv6",
        default=False,
        help="The source of console connections is IPv6.",
    ),
    cfg.StrOpt(
        "ssl_ciphers",
        help="The TLS ciphers of console proxies, in the notation of OpenSSL.",
    ),
]
