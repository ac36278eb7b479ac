"""Between a server's record and its row."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

import sqlalchemy as sa

from nova_clone.conductor.store.encoding import (
    FAULT,
    HINTS,
    NAMES,
    VIFS,
    dump,
    load_flavor,
    load_texts,
)
from nova_clone.conductor.store.tables import cell
from nova_clone.domain.block_device import BlockDevice
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.server.server import Server
from nova_clone.domain.server.status import PowerState, TaskState, VmState

T = cell.servers.c

#: Fields of a server that are kept in other tables, or follow from other rows.
SIDE_FIELDS = frozenset({"metadata", "tags", "block_devices"})
DERIVED_FIELDS = frozenset({"availability_zone", "host_status", "instance_name"})

_FIELDS: tuple[str, ...] = tuple(
    field.name
    for field in dataclasses.fields(Server)
    if field.name not in SIDE_FIELDS | DERIVED_FIELDS
)
COLUMNS: tuple[sa.Column[Any], ...] = tuple(T[name] for name in _FIELDS)

_VM_STATES = {state.value: state for state in VmState}
_TASK_STATES: dict[str | None, TaskState | None] = {state.value: state for state in TaskState}
_TASK_STATES[None] = None
_POWER_STATES = {int(state): state for state in PowerState}

_DOCUMENTS: dict[str, Callable[[Any], str | None]] = {
    "image_properties": dump,
    "vifs": dump,
    "security_groups": dump,
    "server_groups": dump,
    "scheduler_hints": dump,
    "trusted_certs": lambda value: None if value is None else dump(value),
    "fault": lambda value: None if value is None else dump(value),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What other rows tell of one server."""

    metadata: Mapping[str, str]
    tags: tuple[str, ...]
    block_devices: tuple[BlockDevice, ...]
    zone: str | None
    host_status: str


def record(row: Any, around: Surroundings, template: str) -> Server:
    """Return the server of a row that was selected as `COLUMNS`."""
    values: dict[str, Any] = dict(zip(_FIELDS, row, strict=True))
    values["flavor"] = load_flavor(values["flavor"])
    values["vm_state"] = _VM_STATES[values["vm_state"]]
    values["task_state"] = _TASK_STATES[values["task_state"]]
    values["power_state"] = _POWER_STATES[values["power_state"]]
    values["image_properties"] = load_texts(values["image_properties"])
    for name, empty, decoder in _OFTEN_EMPTY:
        text = values[name]
        values[name] = empty if text in {"[]", "{}", None} else decoder.decode(text)
    values["metadata"] = around.metadata
    values["tags"] = around.tags
    values["block_devices"] = around.block_devices
    values["availability_zone"] = around.zone if values["host"] else values["pinned_zone"]
    values["host_status"] = around.host_status
    values["instance_name"] = instance_name(template, values)
    return Server(**values)


_OFTEN_EMPTY: tuple[tuple[str, Any, Any], ...] = (
    ("vifs", (), VIFS),
    ("security_groups", (), NAMES),
    ("server_groups", (), NAMES),
    ("scheduler_hints", {}, HINTS),
    ("trusted_certs", None, NAMES),
    ("fault", None, FAULT),
)


def instance_name(template: str, values: Mapping[str, Any]) -> str:
    """Return the hypervisor's name of a guest; `template` takes a number or named fields."""
    if "%(" in template:
        return str(template % {**values, "uuid": values["id"]})
    return str(template % values["number"])


def new_row(server: Server, now: datetime) -> dict[str, Any]:
    """Return the row of a new server; the database numbers it."""
    fields = {name: getattr(server, name) for name in _FIELDS if name != "number"}
    row = changed_columns(fields)
    row["created_at"] = row["created_at"] or now
    row["updated_at"] = row["updated_at"] or row["created_at"]
    return row


def changed_columns(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that changed fields of a server are kept in."""
    columns: dict[str, Any] = {}
    for name, value in changes.items():
        if name == "flavor":
            columns.update(_flavor_columns(value))
        elif name in _DOCUMENTS:
            columns[name] = _DOCUMENTS[name](value)
        elif name in T and name not in {"number", "id"}:
            columns[name] = value.value if isinstance(value, Enum) else value
        elif name == "id":
            columns["id"] = value
        else:
            raise ValueError(f"A server has no column to set for {name!r}.")
    return columns


def _flavor_columns(flavor: Flavor) -> dict[str, Any]:
    return {
        "flavor": dump(flavor),
        "flavor_id": flavor.id,
        "vcpus": flavor.vcpus,
        "ram": flavor.ram,
    }
