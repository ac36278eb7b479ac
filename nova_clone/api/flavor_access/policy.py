"""Who may see and change which projects use private flavors."""

from __future__ import annotations

from typing import Final

from nova_clone.web.policy import ADMIN, Rule

LIST: Final = "os_compute_api:os-flavor-access"
ADD: Final = "os_compute_api:os-flavor-access:add_tenant_access"
REMOVE: Final = "os_compute_api:os-flavor-access:remove_tenant_access"

RULES: Final = (
    Rule(
        name=LIST,
        default=ADMIN,
        description="List the projects that may use a flavor.",
        operations=(("GET", "/flavors/{flavor_id}/os-flavor-access"),),
    ),
    Rule(
        name=ADD,
        default=ADMIN,
        description="Let a project use a flavor.",
        operations=(("POST", "/flavors/{flavor_id}/action (addTenantAccess)"),),
    ),
    Rule(
        name=REMOVE,
        default=ADMIN,
        description="Take a flavor from a project.",
        operations=(("POST", "/flavors/{flavor_id}/action (removeTenantAccess)"),),
    ),
)
