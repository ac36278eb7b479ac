"""Who may do what to the extra specs of flavors."""

from __future__ import annotations

from typing import Final

from nova_clone.web.policy import ADMIN, READER, Rule

_PREFIX: Final = "os_compute_api:os-flavor-extra-specs:"
INDEX: Final = f"{_PREFIX}index"
SHOW: Final = f"{_PREFIX}show"
CREATE: Final = f"{_PREFIX}create"
UPDATE: Final = f"{_PREFIX}update"
DELETE: Final = f"{_PREFIX}delete"

_ALL: Final = "/flavors/{flavor_id}/os-extra_specs"
_ONE: Final = "/flavors/{flavor_id}/os-extra_specs/{key}"

RULES: Final = (
    Rule(
        name=INDEX,
        default=READER,
        description="See the extra specs of flavors.",
        operations=(
            ("GET", _ALL),
            ("GET", "/flavors/detail"),
            ("GET", "/flavors/{flavor_id}"),
            ("POST", "/flavors"),
            ("PUT", "/flavors/{flavor_id}"),
        ),
    ),
    Rule(name=SHOW, default=READER, description="Show an extra spec.", operations=(("GET", _ONE),)),
    Rule(name=CREATE, default=ADMIN, description="Add extra specs.", operations=(("POST", _ALL),)),
    Rule(name=UPDATE, default=ADMIN, description="Set an extra spec.", operations=(("PUT", _ONE),)),
    Rule(
        name=DELETE,
        default=ADMIN,
        description="Delete an extra spec.",
        operations=(("DELETE", _ONE),),
    ),
)
