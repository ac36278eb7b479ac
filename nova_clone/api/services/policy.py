"""Who may see and change the daemons of the cloud."""

from __future__ import annotations

from typing import Final

from nova_clone.web.policy import ADMIN, Rule

LIST: Final = "os_compute_api:os-services:list"
UPDATE: Final = "os_compute_api:os-services:update"
DELETE: Final = "os_compute_api:os-services:delete"

_ONE: Final = "/os-services/{service_id}"

RULES: Final = (
    Rule(
        name=LIST,
        default=ADMIN,
        description="List services.",
        operations=(("GET", "/os-services"),),
    ),
    Rule(name=UPDATE, default=ADMIN, description="Change a service.", operations=(("PUT", _ONE),)),
    Rule(
        name=DELETE, default=ADMIN, description="Delete a service.", operations=(("DELETE", _ONE),)
    ),
)
