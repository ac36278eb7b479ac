"""From the filters in a query to those the conductor knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from nova_clone.api.servers import policy
from nova_clone.api.servers.queries import FORBIDDEN
from nova_clone.contracts.servers import ServerFilters
from nova_clone.domain.errors import Forbidden, Invalid
from nova_clone.domain.server.status import StateFilter, states_of
from nova_clone.web.call import Call
from nova_clone.web.query import QueryValues
from nova_clone.web.schemas import as_time
from nova_clone.web.versions import Version

_TRUE: Final = frozenset(("1", "t", "true", "on", "y", "yes"))
_FALSE: Final = frozenset(("0", "f", "false", "off", "n", "no"))
_DIGITS: Final = re.compile(r"-?[0-9]{1,9}")
_STATUS_CHECKED_SINCE: Final = Version(2, 38)

#: Filters that everybody may use, and since when; the others take ``ALL_FILTERS``.
_FOR_EVERYBODY: Final[Mapping[str, Version]] = (
    dict.fromkeys(
        ("reservation_id", "name", "status", "image", "flavor", "ip", "changes-since"),
        Version(2, 1),
    )
    | {"all_tenants": Version(2, 1), "ip6": Version(2, 5), "changes-before": Version(2, 66)}
    | dict.fromkeys(("tags", "tags-any", "not-tags", "not-tags-any"), Version(2, 26))
    | {"locked": Version(2, 73)}
    | dict.fromkeys(
        (
            "availability_zone",
            "config_drive",
            "key_name",
            "created_at",
            "launched_at",
            "terminated_at",
            "power_state",
            "task_state",
            "vm_state",
            "progress",
            "user_id",
        ),
        Version(2, 83),
    )
    | {"hostname": Version(2, 90)}
)
_NO_FILTERS: Final = frozenset(("limit", "marker", "sort_key", "sort_dir"))

#: Query name to the field of `ServerFilters` that compares it as text.
_TEXTS: Final = {
    "name": "name",
    "display_name": "name",
    "vm_state": "vm_state",
    "task_state": "task_state",
    "host": "host",
    "node": "node",
    "image": "image_id",
    "image_ref": "image_id",
    "flavor": "flavor_id",
    "ip": "ip",
    "ip6": "ip6",
    "user_id": "user_id",
}
#: Query name to the field of a server that must equal it.
_MATCHES: Final = {
    "launch_index": "launch_index",
    "kernel_id": "kernel_id",
    "ramdisk_id": "ramdisk_id",
    "hostname": "hostname",
    "key_name": "key_name",
    "reservation_id": "reservation_id",
    "availability_zone": "pinned_zone",
    "description": "description",
    "display_description": "description",
    "root_device_name": "root_device_name",
    "access_ip_v4": "access_ipv4",
    "access_ip_v6": "access_ipv6",
    "progress": "progress",
}
_FLAGS: Final = {"config_drive": "config_drive", "auto_disk_config": "auto_disk_config"}
_TAGS: Final = {
    "tags": "tags_all",
    "tags-any": "tags_any",
    "not-tags": "not_tags_all",
    "not-tags-any": "not_tags_any",
}
_UNSEARCHABLE: Final = ("launched_at", "terminated_at", "created_at", "locked_by")


def filters_of(call: Call, query: QueryValues, *, all_tenants_rule: str) -> ServerFilters | None:
    """Return what a query filters by; None when no server can match.

    Raises `Invalid` for values that cannot be, `Forbidden` for filters that are not
    the caller's to use.
    """
    _refuse_foreign(query)
    query = _allowed(call, query)
    found: dict[str, Any] = {"project_id": _project(call, query, all_tenants_rule)}
    found |= {
        field: query.last(name) for name, field in _TEXTS.items() if query.last(name) is not None
    }
    found["matches"] = _matches(query)
    found |= {
        field: tuple(tag for tag in (query.last(name) or "").split(",") if tag)
        for name, field in _TAGS.items()
        if name in query
    }
    if "uuid" in query:
        found["ids"] = tuple(query["uuid"])
    if "power_state" in query:
        found["power_state"] = _number("power_state", query.last("power_state") or "")
    if "locked" in query:
        found["locked"] = _flag("locked", query.last("locked") or "")
    found |= _times(query)
    found["deleted"] = _deleted(query)
    if "status" in query:
        states, deleted = _status(call, query["status"])
        if not states and not deleted:
            return None
        found["states"] = states or None
        found["deleted"] = deleted or found["deleted"]
    return ServerFilters(**found)


def _refuse_foreign(query: QueryValues) -> None:
    for name in query:
        if name in FORBIDDEN or name.startswith("_"):
            raise Invalid(f"Invalid filter: servers cannot be filtered by {name[:80]}.")


def _allowed(call: Call, query: QueryValues) -> QueryValues:
    if call.policy.permits(policy.ALL_FILTERS):
        return query
    return QueryValues(
        {
            name: values
            for name, values in query.items()
            if name in _FOR_EVERYBODY and call.version >= _FOR_EVERYBODY[name]
        }
    )


def _project(call: Call, query: QueryValues, all_tenants_rule: str) -> str | None:
    """Return the project to look in, None for all of them."""
    asked = query.last("all_tenants")
    if asked is not None and (asked == "" or _flag("all_tenants", asked)):
        call.policy.allow(all_tenants_rule)
        return query.last("project_id") or query.last("tenant_id")
    return call.caller.project_id or ""


def _matches(query: QueryValues) -> dict[str, str]:
    unsearchable = next((name for name in _UNSEARCHABLE if name in query), None)
    if unsearchable is not None:
        raise Invalid(f"Servers cannot be filtered by {unsearchable}.")
    found = {field: query[name][-1] for name, field in _MATCHES.items() if name in query}
    for name, field in _FLAGS.items():
        if name in query:
            found[field] = "true" if _flag(name, query[name][-1]) else "false"
    return found


def _times(query: QueryValues) -> dict[str, datetime]:
    fields = {"changes-since": "changed_since", "changes-before": "changed_before"}
    found = {field: as_time(query[name][-1]) for name, field in fields.items() if name in query}
    if len(found) == len(fields) and found["changed_since"] > found["changed_before"]:
        raise Invalid("The value of changes-since must be less than or equal to changes-before.")
    return found


def _deleted(query: QueryValues) -> bool | None:
    asked = query.last("deleted")
    if asked is not None:
        return _flag("deleted", asked)
    return None if "changes-since" in query or "changes-before" in query else False


def _status(call: Call, names: list[str]) -> tuple[StateFilter, bool]:
    """Return the states that show as one of `names`, and whether DELETED is among them."""
    states: StateFilter = {}
    deleted = False
    for name in names:
        if name.lower() == "deleted":
            if not call.caller.is_admin:
                raise Forbidden("Only administrators may list deleted instances")
            deleted = True
            continue
        found = states_of(name)
        if not found and call.version >= _STATUS_CHECKED_SINCE:
            raise Invalid(f"Invalid status value: {name[:80]}")
        for vm_state, tasks in found.items():
            known = states.get(vm_state, frozenset())
            states[vm_state] = None if tasks is None or known is None else known | tasks
    return states, deleted


def _flag(name: str, text: str) -> bool:
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise Invalid(f"Invalid value '{text[:80]}' for {name}: it is neither true nor false.")
    return word in _TRUE


def _number(name: str, text: str) -> int:
    if not _DIGITS.fullmatch(text.strip()):
        raise Invalid(f"Invalid value '{text[:80]}' for {name}: it is not an integer.")
    return int(text)
