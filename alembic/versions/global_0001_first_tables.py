"""Make the tables of the global set."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op
from nova_clone.conductor.store.columns import (
    TABLE_OPTIONS,
    UtcDateTime,
    document_type,
    name_type,
    number_key,
    number_type,
    uuid_type,
)

revision = "global_0001"
down_revision = None
branch_labels = ("global",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "flavors",
        number_key(),
        sa.Column("id", name_type(), nullable=False),
        sa.Column("name", name_type(), nullable=False),
        sa.Column("vcpus", sa.Integer, nullable=False),
        sa.Column("ram", sa.Integer, nullable=False),
        sa.Column("disk", sa.Integer, nullable=False),
        sa.Column("ephemeral", sa.Integer, nullable=False),
        sa.Column("swap", sa.Integer, nullable=False),
        sa.Column("rxtx_factor", sa.Double, nullable=False),
        sa.Column("public", sa.Boolean, nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("description", document_type()),
        sa.Column("extra_specs", document_type(), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime),
        sa.UniqueConstraint("id", name="uq_flavors_id"),
        sa.UniqueConstraint("name", name="uq_flavors_name"),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "flavor_projects",
        sa.Column("flavor_number", number_type(), primary_key=True, autoincrement=False),
        sa.Column("project_id", name_type(), primary_key=True),
        sa.Index("ix_flavor_projects_project", "project_id"),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "keypairs",
        number_key(),
        sa.Column("user_id", name_type(), nullable=False),
        sa.Column("name", name_type(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("public_key", document_type(), nullable=False),
        sa.Column("fingerprint", name_type(), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("user_id", "name", name="uq_keypairs_user_name"),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "aggregates",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("uuid", uuid_type(), nullable=False),
        sa.Column("name", name_type(), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime),
        sa.UniqueConstraint("name", name="uq_aggregates_name"),
        sa.UniqueConstraint("uuid", name="uq_aggregates_uuid"),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "aggregate_hosts",
        sa.Column("aggregate_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("host", name_type(), primary_key=True),
        sa.Index("ix_aggregate_hosts_host", "host"),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "aggregate_metadata",
        sa.Column("aggregate_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("key", name_type(), primary_key=True),
        sa.Column("value", name_type(), nullable=False),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "global_sequences",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "quotas",
        sa.Column("project_id", name_type(), primary_key=True),
        sa.Column("user_id", name_type(), primary_key=True),
        sa.Column("resource", sa.String(64), primary_key=True),
        sa.Column("maximum", sa.Integer, nullable=False),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "quota_classes",
        sa.Column("class_name", name_type(), primary_key=True),
        sa.Column("resource", sa.String(64), primary_key=True),
        sa.Column("maximum", sa.Integer, nullable=False),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "request_specs",
        sa.Column("server_id", uuid_type(), primary_key=True),
        sa.Column("spec", document_type(), nullable=False),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "cell_mappings",
        sa.Column("id", uuid_type(), primary_key=True),
        sa.Column("name", name_type()),
        sa.Column("transport_url", document_type(), nullable=False),
        sa.Column("database_url", document_type(), nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "host_mappings",
        sa.Column("host", name_type(), primary_key=True),
        sa.Column("cell_id", uuid_type(), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Index("ix_host_mappings_cell", "cell_id"),
        **TABLE_OPTIONS,
    )
