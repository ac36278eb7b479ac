"""Who may do what to flavors; everybody may read them."""

from __future__ import annotations

from typing import Final

from nova_clone.web.policy import ADMIN, Rule

CREATE: Final = "os_compute_api:os-flavor-manage:create"
UPDATE: Final = "os_compute_api:os-flavor-manage:update"
DELETE: Final = "os_compute_api:os-flavor-manage:delete"

RULES: Final = (
    Rule(
        name=CREATE,
        default=ADMIN,
        description="Create a flavor.",
        operations=(("POST", "/flavors"),),
    ),
    Rule(
        name=UPDATE,
        default=ADMIN,
        description="Change the description of a flavor.",
        operations=(("PUT", "/flavors/{flavor_id}"),),
    ),
    Rule(
        name=DELETE,
        default=ADMIN,
        description="Delete a flavor.",
        operations=(("DELETE", "/flavors/{flavor_id}"),),
    ),
)
