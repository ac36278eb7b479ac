"""The query of a list of servers."""

from __future__ import annotations

from typing import Final

from nova_clone.web.query import Param, Query
from nova_clone.web.schemas import DATE_TIME, LIMIT, REGEX, TEXT

_EXACT: Final = (
    "user_id",
    "project_id",
    "tenant_id",
    "launch_index",
    "image_ref",
    "image",
    "vm_state",
    "task_state",
    "host",
    "uuid",
    "sort_key",
    "sort_dir",
    "all_tenants",
    "soft_deleted",
    "deleted",
    "status",
    "marker",
)
_PATTERNS: Final = (
    "kernel_id",
    "ramdisk_id",
    "hostname",
    "key_name",
    "power_state",
    "node",
    "flavor",
    "reservation_id",
    "launched_at",
    "terminated_at",
    "availability_zone",
    "name",
    "display_name",
    "description",
    "display_description",
    "locked_by",
    "root_device_name",
    "config_drive",
    "access_ip_v4",
    "access_ip_v6",
    "auto_disk_config",
    "progress",
    "ip",
    "ip6",
    "created_at",
)
#: Names that would join other tables; using one is an error.
FORBIDDEN: Final = (
    "block_device_mapping",
    "services",
    "metadata",
    "system_metadata",
    "info_cache",
    "security_groups",
    "pci_devices",
)

LIST: Final = Query(
    *(Param(name, TEXT) for name in _EXACT),
    *(Param(name, REGEX) for name in _PATTERNS),
    *(Param(name, TEXT) for name in FORBIDDEN),
    Param("_", TEXT, prefix=True),
    Param("limit", LIMIT),
    Param("changes-since", DATE_TIME),
    Param("changes-before", DATE_TIME, since="2.66"),
    *(
        Param(name, REGEX, since="2.26")
        for name in ("tags", "tags-any", "not-tags", "not-tags-any")
    ),
    Param("locked", TEXT, since="2.73"),
    strict_since="2.75",
)
