"""Who may read the network interfaces of servers."""

from __future__ import annotations

from typing import Final

from nova_clone.web.policy import READER, Rule

LIST: Final = "os_compute_api:os-attach-interfaces:list"
SHOW: Final = "os_compute_api:os-attach-interfaces:show"

RULES: Final = (
    Rule(
        name=LIST,
        default=READER,
        description="List the interfaces of a server.",
        operations=(("GET", "/servers/{server_id}/os-interface"),),
    ),
    Rule(
        name=SHOW,
        default=READER,
        description="Show an interface of a server.",
        operations=(("GET", "/servers/{server_id}/os-interface/{port_id}"),),
    ),
)
