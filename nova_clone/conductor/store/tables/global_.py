"""Tables of the whole cloud: ``[api_database]``."""

from __future__ import annotations

import sqlalchemy as sa

from nova_clone.conductor.store.columns import (
    TABLE_OPTIONS,
    UtcDateTime,
    document_type,
    name_type,
    number_key,
    number_type,
    uuid_type,
)

metadata = sa.MetaData()

flavors = sa.Table(
    "flavors",
    metadata,
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

flavor_projects = sa.Table(
    "flavor_projects",
    metadata,
    sa.Column("flavor_number", number_type(), primary_key=True, autoincrement=False),
    sa.Column("project_id", name_type(), primary_key=True),
    sa.Index("ix_flavor_projects_project", "project_id"),
    **TABLE_OPTIONS,
)

keypairs = sa.Table(
    "keypairs",
    metadata,
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

aggregates = sa.Table(
    "aggregates",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("uuid", uuid_type(), nullable=False),
    sa.Column("name", name_type(), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime),
    sa.UniqueConstraint("uuid", name="uq_aggregates_uuid"),
    sa.UniqueConstraint("name", name="uq_aggregates_name"),
    **TABLE_OPTIONS,
)

aggregate_hosts = sa.Table(
    "aggregate_hosts",
    metadata,
    sa.Column("aggregate_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("host", name_type(), primary_key=True),
    sa.Index("ix_aggregate_hosts_host", "host"),
    **TABLE_OPTIONS,
)

aggregate_metadata = sa.Table(
    "aggregate_metadata",
    metadata,
    sa.Column("aggregate_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("key", name_type(), primary_key=True),
    sa.Column("value", name_type(), nullable=False),
    **TABLE_OPTIONS,
)

server_groups = sa.Table(
    "server_groups",
    metadata,
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

#: A server is in one group at most, from its creation to its deletion.
server_group_members = sa.Table(
    "server_group_members",
    metadata,
    number_key(),
    sa.Column("server_id", uuid_type(), nullable=False),
    sa.Column("group_id", uuid_type(), nullable=False),
    sa.Column("user_id", name_type(), nullable=False),
    sa.UniqueConstraint("server_id", name="uq_server_group_members_server"),
    sa.Index("ix_server_group_members_group", "group_id", "user_id"),
    **TABLE_OPTIONS,
)

#: One row per change counter of this set.
sequences = sa.Table(
    "global_sequences",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
    **TABLE_OPTIONS,
)

#: ``user_id`` is empty for a limit of the whole project.
quotas = sa.Table(
    "quotas",
    metadata,
    sa.Column("project_id", name_type(), primary_key=True),
    sa.Column("user_id", name_type(), primary_key=True),
    sa.Column("resource", sa.String(64), primary_key=True),
    sa.Column("maximum", sa.Integer, nullable=False),
    **TABLE_OPTIONS,
)

quota_classes = sa.Table(
    "quota_classes",
    metadata,
    sa.Column("class_name", name_type(), primary_key=True),
    sa.Column("resource", sa.String(64), primary_key=True),
    sa.Column("maximum", sa.Integer, nullable=False),
    **TABLE_OPTIONS,
)

request_specs = sa.Table(
    "request_specs",
    metadata,
    sa.Column("server_id", uuid_type(), primary_key=True),
    sa.Column("spec", document_type(), nullable=False),
    **TABLE_OPTIONS,
)

cell_mappings = sa.Table(
    "cell_mappings",
    metadata,
    sa.Column("id", uuid_type(), primary_key=True),
    sa.Column("name", name_type()),
    sa.Column("transport_url", document_type(), nullable=False),
    sa.Column("database_url", document_type(), nullable=False),
    sa.Column("disabled", sa.Boolean, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    **TABLE_OPTIONS,
)

host_mappings = sa.Table(
    "host_mappings",
    metadata,
    sa.Column("host", name_type(), primary_key=True),
    sa.Column("cell_id", uuid_type(), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Index("ix_host_mappings_cell", "cell_id"),
    **TABLE_OPTIONS,
)
