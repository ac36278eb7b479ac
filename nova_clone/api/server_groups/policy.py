"""Who may do what to server groups."""

from __future__ import annotations

from typing import Final

from nova_clone.web.policy import ADMIN, MEMBER, READER, Rule

_PREFIX: Final = "os_compute_api:os-server-groups:"
INDEX: Final = f"{_PREFIX}index"
INDEX_ALL: Final = f"{_PREFIX}index:all_projects"
SHOW: Final = f"{_PREFIX}show"
CREATE: Final = f"{_PREFIX}create"
DELETE: Final = f"{_PREFIX}delete"

_ALL: Final = "/os-server-groups"
_ONE: Final = "/os-server-groups/{group_id}"

RULES: Final = (
    Rule(
        name=INDEX,
        default=READER,
        description="List the server groups of the own project.",
        operations=(("GET", _ALL),),
    ),
    Rule(
        name=INDEX_ALL,
        default=ADMIN,
        description="List the server groups of all projects.",
        operations=(("GET", _ALL),),
    ),
    Rule(
        name=SHOW,
        default=READER,
        description="Show a server group.",
        operations=(("GET", _ONE),),
    ),
    Rule(
        name=CREATE,
        default=MEMBER,
        description="Create a server group.",
        operations=(("POST", _ALL),),
    ),
    Rule(
        name=DELETE,
        default=MEMBER,
        description="Delete a server group.",
        operations=(("DELETE", _ONE),),
    ),
)
