"""The HTTP servers."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "wsgi"

OPTIONS = [
    cfg.StrOpt(
        "api_paste_config",
        default="api-paste.ini",
        help="Kept for deployments that name it; no paste file is read.",
    ),
    cfg.IntOpt(
        "max_header_line",
        default=16384,
        min=0,
        help="The longest request header, in bytes.",
    ),
    cfg.IntOpt(
        "client_socket_timeout",
        default=900,
        min=0,
        help="After how many seconds an idle connection is closed; 0 means never.",
    ),
    cfg.IntOpt(
        "default_pool_size",
        default=32,
        min=1,
        help="How many requests a process handles at a time.",
    ),
    cfg.StrOpt(
        "ssl_ca_file",
        help="The authorities of client certificates.",
    ),
    cfg.StrOpt(
        "ssl_cert_file",
        help="The TLS certificate of the API servers.",
    ),
    cfg.StrOpt(
        "ssl_key_file",
        help="The TLS key of the API servers.",
    ),
    cfg.StrOpt(
        "secure_proxy_ssl_header",
        help="The header in which a proxy tells that the request came over TLS.",
    ),
]
