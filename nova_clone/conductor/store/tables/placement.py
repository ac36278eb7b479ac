"""Tables of Placement: ``[placement_database]``.

Standard resource classes and traits are facts of os-resource-classes and os-traits;
only custom ones are stored.
"""

from __future__ import annotations

import sqlalchemy as sa

from nova_clone.conductor.store.columns import (
    TABLE_OPTIONS,
    UtcDateTime,
    name_type,
    uuid_type,
)

metadata = sa.MetaData()

providers = sa.Table(
    "providers",
    metadata,
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

#: ``capacity`` is (total - reserved) * allocation_ratio, cut to a whole number.
inventories = sa.Table(
    "inventories",
    metadata,
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

provider_traits = sa.Table(
    "provider_traits",
    metadata,
    sa.Column("provider_id", uuid_type(), primary_key=True),
    sa.Column("trait", name_type(), primary_key=True),
    sa.Index("ix_provider_traits_trait", "trait"),
    **TABLE_OPTIONS,
)

provider_aggregates = sa.Table(
    "provider_aggregates",
    metadata,
    sa.Column("provider_id", uuid_type(), primary_key=True),
    sa.Column("aggregate_id", uuid_type(), primary_key=True),
    sa.Index("ix_provider_aggregates_aggregate", "aggregate_id"),
    **TABLE_OPTIONS,
)

#: ``group_id`` and ``group_host`` tell for which server group, on which host, a consumer counts.
consumers = sa.Table(
    "consumers",
    metadata,
    sa.Column("id", uuid_type(), primary_key=True),
    sa.Column("project_id", name_type()),
    sa.Column("user_id", name_type()),
    sa.Column("consumer_type", name_type()),
    sa.Column("generation", sa.BigInteger, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime),
    sa.Column("group_id", uuid_type()),
    sa.Column("group_host", name_type()),
    sa.Index("ix_consumers_project", "project_id", "user_id"),
    sa.Index("ix_consumers_group", "group_id"),
    **TABLE_OPTIONS,
)

#: Who claims for a group with a hard policy waits here for whoever does already.
group_locks = sa.Table(
    "group_locks",
    metadata,
    sa.Column("group_id", uuid_type(), primary_key=True),
    sa.Column("locked_at", UtcDateTime, nullable=False),
    **TABLE_OPTIONS,
)

allocations = sa.Table(
    "allocations",
    metadata,
    sa.Column("consumer_id", uuid_type(), primary_key=True),
    sa.Column("provider_id", uuid_type(), primary_key=True),
    sa.Column("resource_class", name_type(), primary_key=True),
    sa.Column("amount", sa.Integer, nullable=False),
    sa.Index("ix_allocations_provider", "provider_id"),
    **TABLE_OPTIONS,
)

resource_classes = sa.Table(
    "resource_classes",
    metadata,
    sa.Column("name", name_type(), primary_key=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    **TABLE_OPTIONS,
)

traits = sa.Table(
    "traits",
    metadata,
    sa.Column("name", name_type(), primary_key=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    **TABLE_OPTIONS,
)

#: One row per change counter: ``providers``, ``classes`` and ``traits``.
sequences = sa.Table(
    "placement_sequences",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
    **TABLE_OPTIONS,
)

removed_providers = sa.Table(
    "removed_providers",
    metadata,
    sa.Column("id", uuid_type(), primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Index("ix_removed_providers_sequence", "sequence"),
    **TABLE_OPTIONS,
)
