"""Make the tables of the placement set."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op
from nova_clone.conductor.store.columns import TABLE_OPTIONS, UtcDateTime, name_type, uuid_type

revision = "placement_0001"
down_revision = None
branch_labels = ("placement",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "providers",
        sa.Column("id", uuid_type(), primary_key=True),
        sa.Column("name", name_type(), nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("parent_id", uuid_type()),
        sa.Column("root_id", uuid_type(), nullable=False),
        sa.Column("consumers", sa.Integer, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime),
        sa.UniqueConstraint("name", name="uq_providers_name"),
        sa.Index("ix_providers_parent", "parent_id"),
        sa.Index("ix_providers_root", "root_id"),
        sa.Index("ix_providers_sequence", "sequence"),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "inventories",
        sa.Column("provider_id", uuid_type(), primary_key=True),
        sa.Column("resource_class", name_type(), primary_key=True),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("reserved", sa.Integer, nullable=False),
        sa.Column("min_unit", sa.Integer, nullable=False),
        sa.Column("max_unit", sa.Integer, nullable=False),
        sa.Column("step_size", sa.Integer, nullable=False),
        sa.Column("allocation_ratio", sa.Double, nullable=False),
        sa.Column("capacity", sa.BigInteger, nullable=False),
        sa.Column("used", sa.BigInteger, nullable=False),
        sa.Index("ix_inventories_class", "resource_class"),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "provider_traits",
        sa.Column("provider_id", uuid_type(), primary_key=True),
        sa.Column("trait", name_type(), primary_key=True),
        sa.Index("ix_provider_traits_trait", "trait"),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "provider_aggregates",
        sa.Column("provider_id", uuid_type(), primary_key=True),
        sa.Column("aggregate_id", uuid_type(), primary_key=True),
        sa.Index("ix_provider_aggregates_aggregate", "aggregate_id"),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "consumers",
        sa.Column("id", uuid_type(), primary_key=True),
        sa.Column("project_id", name_type()),
        sa.Column("user_id", name_type()),
        sa.Column("consumer_type", name_type()),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime),
        sa.Index("ix_consumers_project", "project_id", "user_id"),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "allocations",
        sa.Column("consumer_id", uuid_type(), primary_key=True),
        sa.Column("provider_id", uuid_type(), primary_key=True),
        sa.Column("resource_class", name_type(), primary_key=True),
        sa.Column("amount", sa.Integer, nullable=False),
        sa.Index("ix_allocations_provider", "provider_id"),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "resource_classes",
        sa.Column("name", name_type(), primary_key=True),
        sa.Column("created_at", UtcDateTime, nullable=False),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "traits",
        sa.Column("name", name_type(), primary_key=True),
        sa.Column("created_at", UtcDateTime, nullable=False),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "placement_sequences",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "removed_providers",
        sa.Column("id", uuid_type(), primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Index("ix_removed_providers_sequence", "sequence"),
        **TABLE_OPTIONS,
    )
