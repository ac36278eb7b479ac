"""Bodies that set metadata."""

from __future__ import annotations

from typing import Final

from nova_clone.web.requests import Body, Field, Object
from nova_clone.web.schemas import METADATA, METADATA_KEY_PATTERN, METADATA_VALUE

ALL: Final = Body(Object(Field("metadata", METADATA, required=True)))
ONE: Final = Body(
    Object(
        Field(
            "meta",
            Object(patterns={METADATA_KEY_PATTERN: METADATA_VALUE}, min_keys=1, max_keys=1),
            required=True,
        )
    )
)
