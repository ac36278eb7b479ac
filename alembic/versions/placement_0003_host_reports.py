"""Remember what hosts reported of their providers."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op
from nova_clone.conductor.store.columns import (
    TABLE_OPTIONS,
    UtcDateTime,
    document_type,
    uuid_type,
)

revision = "placement_0003"
down_revision = "placement_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "host_reports",
        sa.Column("node_id", uuid_type(), primary_key=True),
        sa.Column("fingerprint", sa.String(64)),
        sa.Column("reported", document_type(), nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        **TABLE_OPTIONS,
    )
