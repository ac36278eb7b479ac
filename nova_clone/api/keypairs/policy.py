"""Who may do what to key pairs: admins, and users with their own."""

from __future__ import annotations

from typing import Final

from nova_clone.web.policy import Rule

_PREFIX: Final = "os_compute_api:os-keypairs:"
INDEX: Final = f"{_PREFIX}index"
SHOW: Final = f"{_PREFIX}show"
CREATE: Final = f"{_PREFIX}create"
DELETE: Final = f"{_PREFIX}delete"

_OWN: Final = "(rule:context_is_admin) or user_id:%(user_id)s"
_ALL: Final = "/os-keypairs"
_ONE: Final = "/os-keypairs/{name}"

RULES: Final = (
    Rule(name=INDEX, default=_OWN, description="List key pairs.", operations=(("GET", _ALL),)),
    Rule(name=SHOW, default=_OWN, description="Show a key pair.", operations=(("GET", _ONE),)),
    Rule(name=CREATE, default=_OWN, description="Create a key pair.", operations=(("POST", _ALL),)),
    Rule(
        name=DELETE, default=_OWN, description="Delete a key pair.", operations=(("DELETE", _ONE),)
    ),
)
