"""The query of a list of actions."""

from __future__ import annotations

from typing import Final

from nova_clone.web.query import Param, Query
from nova_clone.web.schemas import DATE_TIME, LIMIT, TEXT

LIST: Final = Query(
    Param("limit", LIMIT, since="2.58", single=True),
    Param("marker", TEXT, since="2.58", single=True),
    Param("changes-since", DATE_TIME, since="2.58", single=True),
    Param("changes-before", DATE_TIME, since="2.66", single=True),
    strict_since="2.58",
)
