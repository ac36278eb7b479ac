"""Who may read the addresses of servers."""

from __future__ import annotations

from typing import Final

from nova_clone.web.policy import READER, Rule

INDEX: Final = "os_compute_api:ips:index"
SHOW: Final = "os_compute_api:ips:show"

RULES: Final = (
    Rule(
        name=INDEX,
        default=READER,
        description="List the addresses of a server.",
        operations=(("GET", "/servers/{server_id}/ips"),),
    ),
    Rule(
        name=SHOW,
        default=READER,
        description="Show the addresses of a server in one network.",
        operations=(("GET", "/servers/{server_id}/ips/{label}"),),
    ),
)
