"""Who may read what was done to servers, and how much of it."""

from __future__ import annotations

from typing import Final

from nova_clone.web.policy import ADMIN, READER, Rule

_PREFIX: Final = "os_compute_api:os-instance-actions:"
LIST: Final = f"{_PREFIX}list"
SHOW: Final = f"{_PREFIX}show"
EVENTS: Final = f"{_PREFIX}events"
DETAILS: Final = f"{_PREFIX}events:details"

_ONE: Final = (("GET", "/servers/{server_id}/os-instance-actions/{request_id}"),)

RULES: Final = (
    Rule(
        name=LIST,
        default=READER,
        description="List the actions of a server.",
        operations=(("GET", "/servers/{server_id}/os-instance-actions"),),
    ),
    Rule(name=SHOW, default=READER, description="Show an action.", operations=_ONE),
    Rule(
        name=EVENTS,
        default=ADMIN,
        description="See the events of an action before 2.51, and their tracebacks and hosts.",
        operations=_ONE,
    ),
    Rule(name=DETAILS, default=ADMIN, description="See the details of events.", operations=_ONE),
)
