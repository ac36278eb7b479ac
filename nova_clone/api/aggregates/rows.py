"""Aggregates as every version shows them."""

from __future__ import annotations

from typing import Final

from nova_clone.api.times import plain
from nova_clone.domain.host import Aggregate
from nova_clone.web.rows import Row, Rows
from nova_clone.web.versions import between

_AR = Row[Aggregate, None]

#: A new aggregate is shown without what it cannot have yet.
CREATED: Final = Rows[Aggregate, None](
    _AR("id", lambda aggregate, _: aggregate.id),
    _AR("name", lambda aggregate, _: aggregate.name),
    _AR(
        "availability_zone",
        lambda aggregate, _: aggregate.metadata.get("availability_zone"),
    ),
    _AR("created_at", lambda aggregate, _: plain(aggregate.created_at)),
    _AR("updated_at", lambda aggregate, _: plain(aggregate.updated_at)),
    _AR("deleted", lambda *_: False),
    _AR("deleted_at", lambda *_: None),
    _AR("uuid", lambda aggregate, _: aggregate.uuid, between("2.41")),
)

SHOWN: Final = Rows[Aggregate, None](
    *CREATED,
    _AR("hosts", lambda aggregate, _: list(aggregate.hosts)),
    _AR("metadata", lambda aggregate, _: dict(aggregate.metadata)),
)
