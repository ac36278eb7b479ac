"""Bodies about aggregates."""

from __future__ import annotations

from typing import Final

from nova_clone.web.requests import Array, Body, Field, Object
from nova_clone.web.schemas import (
    AZ_NAME,
    HOST,
    METADATA_KEY_PATTERN,
    METADATA_VALUE,
    NAME,
    UUID,
    nullable,
    string,
)

#: A name that is changed loses the blanks around it.
_NAME_WITH_BLANKS: Final = string(1, 255, format="printable", pattern=r"\S")

CREATE: Final = Body(
    Object(
        Field(
            "aggregate",
            Object(
                Field("name", NAME, required=True),
                Field("availability_zone", nullable(AZ_NAME)),
            ),
            required=True,
        )
    )
)
UPDATE: Final = Body(
    Object(
        Field(
            "aggregate",
            Object(
                Field("name", _NAME_WITH_BLANKS),
                Field("availability_zone", nullable(AZ_NAME)),
                min_keys=1,
            ),
            required=True,
        )
    )
)
CACHE: Final = Body(
    Object(
        Field(
            "cache",
            Array(Object(Field("id", UUID, required=True)), min_items=1),
            required=True,
            since="2.81",
        )
    )
)
MEMBER: Final = Object(Field("host", HOST, required=True))
METADATA: Final = Object(
    Field(
        "metadata",
        Object(patterns={METADATA_KEY_PATTERN: nullable(METADATA_VALUE)}),
        required=True,
    )
)
