"""Bodies and queries about server groups."""

from __future__ import annotations

from typing import Any, Final

from nova_clone.domain.server_group import (
    AFFINITY,
    ANTI_AFFINITY,
    SOFT_AFFINITY,
    SOFT_ANTI_AFFINITY,
)
from nova_clone.web.query import Param, Query
from nova_clone.web.requests import Array, Body, Field, Object, raises_to
from nova_clone.web.schemas import LIMIT, NAME, POSITIVE, TEXT, choice

_HARD: Final = choice(ANTI_AFFINITY, AFFINITY)
_POLICY: Final = choice(ANTI_AFFINITY, AFFINITY, SOFT_ANTI_AFFINITY, SOFT_AFFINITY)


@raises_to("2.64")
def one_policy(body: dict[str, Any]) -> dict[str, Any]:
    """Take the only entry of ``policies`` for the policy."""
    group = dict(body["server_group"])
    (policy,) = group.pop("policies")
    return {**body, "server_group": {**group, "policy": policy}}


CREATE: Final = Body(
    Object(
        Field(
            "server_group",
            Object(
                Field("name", NAME, required=True),
                Field(
                    "policies",
                    Array(_HARD, min_items=1, max_items=1, unique=True),
                    required=True,
                    until="2.14",
                ),
                Field(
                    "policies",
                    Array(_POLICY, min_items=1, max_items=1, unique=True),
                    required=True,
                    since="2.15",
                    until="2.63",
                ),
                Field("policy", _POLICY, required=True, since="2.64"),
                Field(
                    "rules",
                    Object(Field("max_server_per_host", POSITIVE)),
                    since="2.64",
                ),
            ),
            required=True,
        )
    ),
    lifts=(one_policy,),
)

LIST: Final = Query(
    Param("all_projects", TEXT),
    Param("limit", LIMIT),
    Param("offset", LIMIT),
    strict_since="2.75",
)
