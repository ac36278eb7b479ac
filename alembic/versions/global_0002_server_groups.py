"""Make the tables of server groups."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op
from nova_clone.conductor.store.columns import (
    TABLE_OPTIONS,
    UtcDateTime,
    name_type,
    number_key,
    uuid_type,
)

revision = "global_0002"
down_revision = "global_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "server_groups",
        number_key(),
        sa.Column("id", uuid_type(), nullable=False),
        sa.Column("name", name_type(), nullable=False),
        sa.Column("project_id", name_type(), nullable=False),
        sa.Column("user_id", name_type(), nullable=False),
        sa.Column("policy", sa.String(32), nullable=False),
        sa.Column("max_per_host", sa.Integer),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("id", name="uq_server_groups_id"),
        sa.Index("ix_server_groups_project", "project_id"),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "server_group_members",
        number_key(),
        sa.Column("server_id", uuid_type(), nullable=False),
        sa.Column("group_id", uuid_type(), nullable=False),
        sa.Column("user_id", name_type(), nullable=False),
        sa.UniqueConstraint("server_id", name="uq_server_group_members_server"),
        sa.Index("ix_server_group_members_group", "group_id", "user_id"),
        **TABLE_OPTIONS,
    )
