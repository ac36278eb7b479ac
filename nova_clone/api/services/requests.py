"""Bodies and queries about services."""

from __future__ import annotations

from typing import Final

from nova_clone.web.query import Param, Query
from nova_clone.web.requests import Body, Field, Object
from nova_clone.web.schemas import BOOLISH, HOST, choice, string

_REASON: Final = string(1, 255)

#: Until 2.52 a path names what to do, and the body the service.
BY_NAME: Final = Body(
    Object(
        Field("host", HOST, required=True),
        Field("binary", string(1, 255), required=True),
        Field("disabled_reason", _REASON),
        Field("forced_down", BOOLISH, since="2.11"),
    )
)
BY_ID: Final = Body(
    Object(
        Field("status", choice("enabled", "disabled")),
        Field("disabled_reason", _REASON),
        Field("forced_down", BOOLISH),
    )
)

LIST: Final = Query(Param("host"), Param("binary"), strict_since="2.75")
