"""What hosts reported of their providers: of the set ``[placement_database]``."""

from __future__ import annotations

import sqlalchemy as sa

from nova_clone.conductor.store.columns import (
    TABLE_OPTIONS,
    UtcDateTime,
    document_type,
    uuid_type,
)
from nova_clone.conductor.store.tables.placement import metadata

#: ``fingerprint`` is that of the last report, and is taken away when somebody else changes
#: its providers. ``reported`` holds which traits the report gave to which provider.
host_reports = sa.Table(
    "host_reports",
    metadata,
    sa.Column("node_id", uuid_type(), primary_key=True),
    sa.Column("fingerprint", sa.String(64)),
    sa.Column("reported", document_type(), nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    **TABLE_OPTIONS,
)
