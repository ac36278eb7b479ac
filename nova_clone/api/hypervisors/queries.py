"""Queries about hypervisors."""

from __future__ import annotations

from typing import Final

from nova_clone.web.query import Param, Query
from nova_clone.web.schemas import BOOLISH, HOST, LIMIT, TEXT

_SERVERS: Final = Param("with_servers", BOOLISH, since="2.53", single=True)

LIST: Final = Query(
    Param("limit", LIMIT, since="2.33", single=True),
    Param("marker", TEXT, since="2.33", single=True),
    Param("hypervisor_hostname_pattern", HOST, since="2.53", single=True),
    _SERVERS,
    strict_since="2.53",
)
SHOW: Final = Query(_SERVERS, strict_since="2.53")
