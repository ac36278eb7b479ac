"""Tables of one cell: ``[database]``."""

from __future__ import annotations

import sqlalchemy as sa

from nova_clone.conductor.store.columns import (
    TABLE_OPTIONS,
    UtcDateTime,
    document_type,
    name_type,
    number_key,
    uuid_type,
)

metadata = sa.MetaData()

servers = sa.Table(
    "servers",
    metadata,
    number_key(),
    sa.Column("id", uuid_type(), nullable=False),
    sa.Column("name", name_type(), nullable=False),
    sa.Column("project_id", name_type(), nullable=False),
    sa.Column("user_id", name_type(), nullable=False),
    sa.Column("flavor_id", name_type(), nullable=False),
    sa.Column("flavor", document_type(), nullable=False),
    sa.Column("vcpus", sa.Integer, nullable=False),
    sa.Column("ram", sa.Integer, nullable=False),
    sa.Column("vm_state", sa.String(32), nullable=False),
    sa.Column("task_state", sa.String(40)),
    sa.Column("power_state", sa.SmallInteger, nullable=False),
    sa.Column("hostname", name_type(), nullable=False),
    sa.Column("description", name_type()),
    sa.Column("image_id", uuid_type()),
    sa.Column("image_properties", document_type(), nullable=False),
    sa.Column("key_name", name_type()),
    sa.Column("public_key", document_type()),
    sa.Column("user_data", document_type()),
    sa.Column("config_drive", sa.Boolean, nullable=False),
    sa.Column("host", name_type()),
    sa.Column("node", name_type()),
    sa.Column("launched_on", name_type()),
    sa.Column("pinned_zone", name_type()),
    sa.Column("reservation_id", sa.String(64)),
    sa.Column("launch_index", sa.Integer, nullable=False),
    sa.Column("root_device_name", name_type()),
    sa.Column("kernel_id", name_type()),
    sa.Column("ramdisk_id", name_type()),
    sa.Column("access_ipv4", sa.String(39)),
    sa.Column("access_ipv6", sa.String(39)),
    sa.Column("auto_disk_config", sa.Boolean, nullable=False),
    sa.Column("locked", sa.Boolean, nullable=False),
    sa.Column("locked_by_admin", sa.Boolean, nullable=False),
    sa.Column("locked_reason", name_type()),
    sa.Column("progress", sa.SmallInteger, nullable=False),
    sa.Column("fault", document_type()),
    sa.Column("vifs", document_type(), nullable=False),
    sa.Column("security_groups", document_type(), nullable=False),
    sa.Column("trusted_certs", document_type()),
    sa.Column("server_groups", document_type(), nullable=False),
    sa.Column("scheduler_hints", document_type(), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime),
    sa.Column("launched_at", UtcDateTime),
    sa.Column("terminated_at", UtcDateTime),
    sa.Column("deleted", sa.Boolean, nullable=False),
    sa.UniqueConstraint("id", name="uq_servers_id"),
    sa.Index("ix_servers_project", "project_id", "deleted", "number"),
    sa.Index("ix_servers_usage", "project_id", "deleted", "vm_state", "vcpus", "ram"),
    sa.Index("ix_servers_host", "host", "deleted"),
    sa.Index("ix_servers_state", "deleted", "vm_state", "host"),
    sa.Index("ix_servers_updated", "updated_at"),
    **TABLE_OPTIONS,
)

server_metadata = sa.Table(
    "server_metadata",
    metadata,
    sa.Column("server_id", uuid_type(), primary_key=True),
    sa.Column("key", name_type(), primary_key=True),
    sa.Column("value", name_type(), nullable=False),
    **TABLE_OPTIONS,
)

server_tags = sa.Table(
    "server_tags",
    metadata,
    sa.Column("server_id", uuid_type(), primary_key=True),
    sa.Column("tag", sa.String(80), primary_key=True),
    **TABLE_OPTIONS,
)

#: The fixed addresses in a server's ``vifs``, to search by.
server_addresses = sa.Table(
    "server_addresses",
    metadata,
    sa.Column("server_id", uuid_type(), primary_key=True),
    sa.Column("address", sa.String(45), primary_key=True),
    sa.Column("version", sa.SmallInteger, nullable=False),
    **TABLE_OPTIONS,
)

block_devices = sa.Table(
    "block_devices",
    metadata,
    sa.Column("id", uuid_type(), primary_key=True),
    sa.Column("server_id", uuid_type(), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("volume_id", uuid_type()),
    sa.Column("device", document_type(), nullable=False),
    sa.Index("ix_block_devices_server", "server_id"),
    sa.Index("ix_block_devices_volume", "volume_id"),
    **TABLE_OPTIONS,
)

#: Locked while servers of a project are counted and added.
project_locks = sa.Table(
    "project_locks",
    metadata,
    sa.Column("project_id", name_type(), primary_key=True),
    sa.Column("locked_at", UtcDateTime, nullable=False),
    **TABLE_OPTIONS,
)

services = sa.Table(
    "services",
    metadata,
    number_key(),
    sa.Column("id", uuid_type(), nullable=False),
    sa.Column("binary", sa.String(64), nullable=False),
    sa.Column("host", name_type(), nullable=False),
    sa.Column("topic", sa.String(64), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("node_id", uuid_type()),
    sa.Column("disabled", sa.Boolean, nullable=False),
    sa.Column("disabled_reason", name_type()),
    sa.Column("forced_down", sa.Boolean, nullable=False),
    sa.Column("report_count", sa.BigInteger, nullable=False),
    sa.Column("last_seen", UtcDateTime),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime),
    sa.UniqueConstraint("id", name="uq_services_id"),
    sa.UniqueConstraint("host", "binary", name="uq_services_host_binary"),
    sa.UniqueConstraint("node_id", name="uq_services_node"),
    sa.Index("ix_services_seen", "binary", "last_seen"),
    **TABLE_OPTIONS,
)

compute_nodes = sa.Table(
    "compute_nodes",
    metadata,
    number_key(),
    sa.Column("id", uuid_type(), nullable=False),
    sa.Column("host", name_type(), nullable=False),
    sa.Column("hypervisor_hostname", name_type(), nullable=False),
    sa.Column("hypervisor_type", name_type(), nullable=False),
    sa.Column("hypervisor_version", sa.Integer, nullable=False),
    sa.Column("host_ip", sa.String(45)),
    sa.Column("cpu_info", document_type(), nullable=False),
    sa.Column("supported", document_type(), nullable=False),
    sa.Column("hardware", document_type()),
    #: The placings of servers, by their ids.
    sa.Column("placings", document_type()),
    sa.Column("disk_available_least", sa.Integer),
    sa.Column("uptime", document_type()),
    #: What the host's monitors measured last.
    sa.Column("metrics", document_type()),
    sa.Column("failed_builds", sa.Integer, nullable=False),
    #: Whether failed builds are counted; they are where a host has not told.
    sa.Column("counts_failures", sa.Boolean),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime),
    sa.UniqueConstraint("id", name="uq_compute_nodes_id"),
    sa.UniqueConstraint("host", "hypervisor_hostname", name="uq_compute_nodes_host_node"),
    sa.Index("ix_compute_nodes_sequence", "sequence"),
    **TABLE_OPTIONS,
)

#: One row per change counter: ``hosts``.
sequences = sa.Table(
    "cell_sequences",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
    **TABLE_OPTIONS,
)

removed_hosts = sa.Table(
    "removed_hosts",
    metadata,
    sa.Column("host", name_type(), primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Index("ix_removed_hosts_sequence", "sequence"),
    **TABLE_OPTIONS,
)

actions = sa.Table(
    "actions",
    metadata,
    number_key(),
    sa.Column("server_id", uuid_type(), nullable=False),
    sa.Column("request_id", sa.String(64), nullable=False),
    sa.Column("action", name_type(), nullable=False),
    sa.Column("user_id", name_type()),
    sa.Column("project_id", name_type()),
    sa.Column("message", name_type()),
    sa.Column("start_time", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime),
    sa.Index("ix_actions_server", "server_id", "request_id"),
    **TABLE_OPTIONS,
)

#: ``decision`` is what the scheduler saw when it chose the event's host, or found none.
action_events = sa.Table(
    "action_events",
    metadata,
    number_key(),
    sa.Column("action_number", sa.BigInteger, nullable=False),
    sa.Column("event", name_type(), nullable=False),
    sa.Column("start_time", UtcDateTime, nullable=False),
    sa.Column("finish_time", UtcDateTime),
    sa.Column("result", sa.String(32)),
    sa.Column("host", name_type()),
    sa.Column("details", document_type()),
    sa.Column("traceback", document_type()),
    sa.Column("decision", document_type()),
    sa.Index("ix_action_events_action", "action_number"),
    **TABLE_OPTIONS,
)

#: ``live_subject`` repeats ``subject`` until the workflow is finished, so that its unique
#: index admits one live workflow per subject. ``due_at`` is when a worker should look.
workflows = sa.Table(
    "workflows",
    metadata,
    sa.Column("id", uuid_type(), primary_key=True),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("subject", name_type(), nullable=False),
    sa.Column("live_subject", name_type()),
    sa.Column("params", document_type(), nullable=False),
    sa.Column("context", document_type(), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("leased_by", name_type()),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("wake_at", UtcDateTime),
    sa.Column("due_at", UtcDateTime),
    sa.Column("deadline", UtcDateTime),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("waiting_for", name_type()),
    sa.Column("inbox", document_type()),
    sa.Column("interrupt", document_type()),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("mark_count", sa.Integer, nullable=False),
    sa.Column("trouble", document_type()),
    sa.Column("outcome", document_type()),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    sa.UniqueConstraint("live_subject", name="uq_workflows_live_subject"),
    sa.Index("ix_workflows_due", "due_at"),
    sa.Index("ix_workflows_finished", "finished_at"),
    **TABLE_OPTIONS,
)

workflow_marks = sa.Table(
    "workflow_marks",
    metadata,
    sa.Column("workflow_id", uuid_type(), primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("step", name_type(), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("output", document_type()),
    sa.Column("at", UtcDateTime, nullable=False),
    **TABLE_OPTIONS,
)
