"""Who may read and change the metadata of servers."""

from __future__ import annotations

from typing import Final

from nova_clone.web.policy import MEMBER, READER, Rule

_PREFIX: Final = "os_compute_api:server-metadata:"
INDEX: Final = f"{_PREFIX}index"
SHOW: Final = f"{_PREFIX}show"
CREATE: Final = f"{_PREFIX}create"
UPDATE_ALL: Final = f"{_PREFIX}update_all"
UPDATE: Final = f"{_PREFIX}update"
DELETE: Final = f"{_PREFIX}delete"

_ALL: Final = "/servers/{server_id}/metadata"
_ONE: Final = "/servers/{server_id}/metadata/{key}"

RULES: Final = (
    Rule(name=INDEX, default=READER, description="List metadata.", operations=(("GET", _ALL),)),
    Rule(name=SHOW, default=READER, description="Show an item.", operations=(("GET", _ONE),)),
    Rule(name=CREATE, default=MEMBER, description="Add items.", operations=(("POST", _ALL),)),
    Rule(
        name=UPDATE_ALL, default=MEMBER, description="Replace items.", operations=(("PUT", _ALL),)
    ),
    Rule(name=UPDATE, default=MEMBER, description="Set an item.", operations=(("PUT", _ONE),)),
    Rule(
        name=DELETE, default=MEMBER, description="Delete an item.", operations=(("DELETE", _ONE),)
    ),
)
