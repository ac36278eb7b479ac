"""Count the consumers of server groups by host."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op
from nova_clone.conductor.store.columns import TABLE_OPTIONS, UtcDateTime, name_type, uuid_type

revision = "placement_0002"
down_revision = "placement_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("consumers", sa.Column("group_id", uuid_type()))
    op.add_column("consumers", sa.Column("group_host", name_type()))
    op.create_index("ix_consumers_group", "consumers", ["group_id"])
    op.create_table(
        "group_locks",
        sa.Column("group_id", uuid_type(), primary_key=True),
        sa.Column("locked_at", UtcDateTime, nullable=False),
        **TABLE_OPTIONS,
    )
