"""Who may see and change host aggregates."""

from __future__ import annotations

from typing import Final

from nova_clone.web.policy import ADMIN, Rule

_PREFIX: Final = "os_compute_api:os-aggregates"
INDEX: Final = f"{_PREFIX}:index"
CREATE: Final = f"{_PREFIX}:create"
SHOW: Final = f"{_PREFIX}:show"
UPDATE: Final = f"{_PREFIX}:update"
DELETE: Final = f"{_PREFIX}:delete"
ADD_HOST: Final = f"{_PREFIX}:add_host"
REMOVE_HOST: Final = f"{_PREFIX}:remove_host"
SET_METADATA: Final = f"{_PREFIX}:set_metadata"
IMAGES: Final = "compute:aggregates:images"

_ALL: Final = "/os-aggregates"
_ONE: Final = "/os-aggregates/{aggregate_id}"
_ACTION: Final = f"{_ONE}/action"


def _rule(name: str, description: str, method: str, path: str) -> Rule:
    return Rule(name=name, default=ADMIN, description=description, operations=((method, path),))


RULES: Final = (
    _rule(INDEX, "List aggregates.", "GET", _ALL),
    _rule(CREATE, "Create an aggregate.", "POST", _ALL),
    _rule(SHOW, "Show an aggregate.", "GET", _ONE),
    _rule(UPDATE, "Rename an aggregate or change its zone.", "PUT", _ONE),
    _rule(DELETE, "Delete an aggregate.", "DELETE", _ONE),
    _rule(ADD_HOST, "Add a host to an aggregate.", "POST", f"{_ACTION} (add_host)"),
    _rule(REMOVE_HOST, "Take a host out of an aggregate.", "POST", f"{_ACTION} (remove_host)"),
    _rule(SET_METADATA, "Change metadata of an aggregate.", "POST", f"{_ACTION} (set_metadata)"),
    _rule(IMAGES, "Have hosts fetch images in advance.", "POST", f"{_ONE}/images"),
)
