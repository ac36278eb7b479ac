"""Bodies and queries about key pairs."""

from __future__ import annotations

from typing import Final

from nova_clone.web.query import Param, Query
from nova_clone.web.requests import Body, Field, Object
from nova_clone.web.schemas import LIMIT, TEXT, choice, string

CREATE: Final = Body(
    Object(
        Field(
            "keypair",
            Object(
                Field(
                    "name",
                    string(1, 255, pattern=r"^[a-zA-Z0-9 _-]+$", format="name"),
                    required=True,
                    until="2.91",
                ),
                Field(
                    "name",
                    string(1, 255, pattern=r"^[a-zA-Z0-9 @._-]+$", format="name"),
                    required=True,
                    since="2.92",
                ),
                Field("public_key", TEXT, until="2.91"),
                Field("public_key", TEXT, required=True, since="2.92"),
                Field("type", choice("ssh", "x509"), since="2.2"),
                Field("user_id", TEXT, since="2.10"),
            ),
            required=True,
        )
    )
)

LIST: Final = Query(
    Param("user_id", TEXT, since="2.10"),
    Param("limit", LIMIT, since="2.35"),
    Param("marker", TEXT, since="2.35"),
    strict_since="2.75",
)
ONE: Final = Query(Param("user_id", TEXT, since="2.10"), strict_since="2.75")
