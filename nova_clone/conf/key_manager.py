"""Where keys and certificates are kept."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "key_manager"

OPTIONS = [
    cfg.StrOpt(
        "backend",
        default="barbican",
        help=(
            "The key manager: barbican, vault, or nova.keymgr.conf_key_mgr.ConfKeyManager "
            "for one fixed key."
        ),
    ),
    cfg.StrOpt(
        "fixed_key",
        secret=True,
        help="The key of ConfKeyManager, in hexadecimal digits.",
    ),
]
