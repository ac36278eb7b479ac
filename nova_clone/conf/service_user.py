"""The token that is sent beside the token of a user."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "service_user"

OPTIONS = [
    cfg.BoolOpt(
        "send_service_user_token",
        default=False,
        help=(
            "Send the service's own token beside the user's, so that work is done though "
            "the user's token expires."
        ),
    ),
]
