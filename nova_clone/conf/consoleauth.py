"""The tokens of consoles."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "consoleauth"

OPTIONS = [
    cfg.IntOpt(
        "token_ttl",
        default=600,
        min=0,
        help="For how many seconds a console token may be used.",
    ),
    cfg.BoolOpt(
        "enforce_session_timeout",
        default=False,
        help="End console sessions when their token expires.",
    ),
]
