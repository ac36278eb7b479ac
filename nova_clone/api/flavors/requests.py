"""Bodies and queries about flavors."""

from __future__ import annotations

from typing import Any, Final

from nova_clone.web.query import Param, Query
from nova_clone.web.requests import Body, Field, Object
from nova_clone.web.schemas import (
    BOOLISH,
    LIMIT,
    NAME,
    NON_NEGATIVE,
    POSITIVE,
    REGEX,
    TEXT,
    choice,
    nullable,
    string,
)

_ID: Final[dict[str, Any]] = {
    "type": ["string", "number", "null"],
    "minLength": 1,
    "maxLength": 255,
    "pattern": r"^(?! )[a-zA-Z0-9. _-]+(?<! )$",
}
_FACTOR: Final[dict[str, Any]] = {
    "type": ["number", "string"],
    "pattern": r"^[0-9]{1,38}(\.[0-9]+)?$",
    "minimum": 0,
    "exclusiveMinimum": True,
    "maximum": 3.40282e38,
}
_DESCRIPTION: Final = nullable(string(0, 65535, format="printable"))

CREATE: Final = Body(
    Object(
        Field(
            "flavor",
            Object(
                Field("name", NAME, required=True),
                Field("id", _ID),
                Field("ram", POSITIVE, required=True),
                Field("vcpus", POSITIVE, required=True),
                Field("disk", NON_NEGATIVE, required=True),
                Field("OS-FLV-EXT-DATA:ephemeral", NON_NEGATIVE),
                Field("swap", NON_NEGATIVE),
                Field("rxtx_factor", _FACTOR, until="2.101"),
                Field("os-flavor-access:is_public", BOOLISH),
                Field("description", _DESCRIPTION, since="2.55"),
            ),
            required=True,
        )
    )
)

UPDATE: Final = Body(
    Object(
        Field(
            "flavor",
            Object(Field("description", _DESCRIPTION, required=True)),
            required=True,
            since="2.55",
        )
    )
)

_SORT_KEYS: Final = (
    "created_at",
    "description",
    "ephemeral_gb",
    "flavorid",
    "id",
    "is_public",
    "memory_mb",
    "name",
    "root_gb",
    "swap",
    "updated_at",
    "vcpu_weight",
    "vcpus",
)

LIST: Final = Query(
    Param("limit", LIMIT),
    Param("marker", TEXT),
    Param("is_public", TEXT),
    Param("minRam", TEXT),
    Param("minDisk", TEXT),
    Param("sort_key", choice(*_SORT_KEYS, "disabled", "rxtx_factor"), until="2.101"),
    Param("sort_key", choice(*_SORT_KEYS), since="2.102"),
    Param("sort_dir", choice("asc", "desc")),
    Param("name", REGEX, since="2.102"),
    strict_since="2.75",
)
