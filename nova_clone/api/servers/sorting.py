"""The order of a list of servers."""

from __future__ import annotations

from typing import Final

from nova_clone.domain.errors import Forbidden, Invalid
from nova_clone.web.call import Call
from nova_clone.web.query import QueryValues
from nova_clone.web.versions import Version

#: The API's name of a sort key to the field of a server.
_SORT_FIELDS: Final = {
    "access_ip_v4": "access_ipv4",
    "access_ip_v6": "access_ipv6",
    "availability_zone": "pinned_zone",
    "display_description": "description",
    "display_name": "name",
    "image_ref": "image_id",
    "instance_type_id": "flavor_id",
    "locked_by": "locked_by_admin",
    "uuid": "id",
} | {
    name: name
    for name in (
        "auto_disk_config",
        "config_drive",
        "created_at",
        "host",
        "hostname",
        "kernel_id",
        "key_name",
        "launch_index",
        "launched_at",
        "node",
        "power_state",
        "progress",
        "project_id",
        "ramdisk_id",
        "root_device_name",
        "task_state",
        "terminated_at",
        "updated_at",
        "user_id",
        "vm_state",
    )
}
_SORT_SINCE: Final = {"locked": Version(2, 73)}
_ADMIN_SORTS: Final = frozenset(("host", "node"))
_IGNORED_UNTIL: Final = Version(2, 74)
_IGNORED_SORTS: Final = frozenset(
    (
        "architecture",
        "cell_name",
        "cleaned",
        "default_ephemeral_device",
        "default_swap_device",
        "deleted",
        "deleted_at",
        "disable_terminate",
        "ephemeral_gb",
        "ephemeral_key_uuid",
        "id",
        "key_data",
        "launched_on",
        "memory_mb",
        "os_type",
        "reservation_id",
        "root_gb",
        "shutdown_terminate",
        "user_data",
        "vcpus",
        "vm_mode",
    )
)
_DIRECTIONS: Final = ("asc", "desc")


def sort_of(call: Call, query: QueryValues) -> tuple[tuple[str, str], ...]:
    """Return the order that a query asks for, empty for the usual one; raises `Invalid`."""
    keys = query.get("sort_key", [])
    directions = query.get("sort_dir", [])
    if not keys and not directions:
        return ()
    if len(directions) > max(len(keys), 1):
        raise Invalid("Sort direction array size exceeds sort key array size.")
    if any(direction not in _DIRECTIONS for direction in directions):
        raise Invalid("Unknown sort direction, must be one of: asc, desc")
    keys = keys or ["created_at"]
    padding = directions[0] if directions else "desc"
    directions = directions + [padding] * (len(keys) - len(directions))
    found = (
        (_sort_field(call, key), direction) for key, direction in zip(keys, directions, strict=True)
    )
    return tuple((field, direction) for field, direction in found if field is not None)


def _sort_field(call: Call, key: str) -> str | None:
    if key in _IGNORED_SORTS and call.version <= _IGNORED_UNTIL:
        return None
    if key in _SORT_SINCE and call.version >= _SORT_SINCE[key]:
        return key
    field = _SORT_FIELDS.get(key)
    if field is None:
        raise Invalid(f"Sort key supplied is invalid: {key[:80]}")
    if key in _ADMIN_SORTS and not call.caller.is_admin:
        raise Forbidden("Only administrators can sort servers by host or node.")
    return field
