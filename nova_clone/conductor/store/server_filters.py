"""Which servers, in which order: a `ListServers` as SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from nova_clone.conductor.store.paging import KeysetOrder
from nova_clone.conductor.store.server_rows import T
from nova_clone.conductor.store.tables import cell
from nova_clone.contracts.servers import ServerFilters
from nova_clone.domain import errors
from nova_clone.domain.server.status import StateFilter

Clause = sa.ColumnElement[bool]

_EQUALITIES = (
    "project_id",
    "user_id",
    "vm_state",
    "task_state",
    "power_state",
    "host",
    "node",
    "image_id",
    "flavor_id",
    "deleted",
    "locked",
)

#: Fields that ``matches`` may compare, and that a list may be sorted by.
_PLAIN = frozenset(
    {
        "id",
        "name",
        "project_id",
        "user_id",
        "vm_state",
        "task_state",
        "power_state",
        "hostname",
        "description",
        "image_id",
        "key_name",
        "config_drive",
        "host",
        "node",
        "launched_on",
        "pinned_zone",
        "reservation_id",
        "launch_index",
        "root_device_name",
        "kernel_id",
        "ramdisk_id",
        "access_ipv4",
        "access_ipv6",
        "auto_disk_config",
        "locked",
        "locked_by_admin",
        "progress",
        "flavor_id",
    }
)
_TIMES = frozenset({"created_at", "updated_at", "launched_at", "terminated_at"})
_SORTABLE = _PLAIN | _TIMES | {"number"}
_TRUTHS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def clauses(filters: ServerFilters) -> Iterator[Clause]:
    """Return the conditions that `filters` put on a server's row."""
    for name in _EQUALITIES:
        value = getattr(filters, name)
        if value is not None:
            yield T[name] == value
    if filters.ids:
        yield T.id.in_(filters.ids)
    if filters.states is not None:
        yield _in_states(filters.states)
    if filters.changed_since is not None:
        yield T.updated_at >= filters.changed_since
    if filters.changed_before is not None:
        yield T.updated_at <= filters.changed_before
    if filters.name:
        yield T.name.regexp_match(_pattern(filters.name))
    yield from _addressed(filters)
    yield from _tagged(filters)
    for key, value in filters.metadata.items():
        yield _has_item(key, value)
    for name, text in filters.matches.items():
        yield _matches(name, text)


def uses_patterns(filters: ServerFilters) -> bool:
    """Tell whether the database will have to understand a caller's pattern."""
    return bool(filters.name or filters.ip or filters.ip6)


def _in_states(states: StateFilter) -> Clause:
    options: list[Clause] = []
    for vm_state, tasks in states.items():
        option: Clause = T.vm_state == vm_state.value
        if tasks is not None:
            option = sa.and_(option, T.task_state.in_(sorted(task.value for task in tasks)))
        options.append(option)
    return sa.or_(*options) if options else sa.false()


def _addressed(filters: ServerFilters) -> Iterator[Clause]:
    table = cell.server_addresses.c
    for version, pattern in ((4, filters.ip), (6, filters.ip6)):
        if pattern:
            yield sa.exists().where(
                table.server_id == T.id,
                table.version == version,
                table.address.regexp_match(_pattern(pattern)),
            )


def _tagged(filters: ServerFilters) -> Iterator[Clause]:
    if filters.tags_all:
        yield sa.and_(*(_has_tag((tag,)) for tag in filters.tags_all))
    if filters.tags_any:
        yield _has_tag(filters.tags_any)
    if filters.not_tags_all:
        yield sa.not_(sa.and_(*(_has_tag((tag,)) for tag in filters.not_tags_all)))
    if filters.not_tags_any:
        yield sa.not_(_has_tag(filters.not_tags_any))


def _has_tag(tags: Iterable[str]) -> Clause:
    table = cell.server_tags.c
    return sa.exists().where(table.server_id == T.id, table.tag.in_(tuple(tags)))


def _has_item(key: str, value: str) -> Clause:
    table = cell.server_metadata.c
    return sa.exists().where(table.server_id == T.id, table.key == key, table.value == value)


def _matches(name: str, text: str) -> Clause:
    if name not in _PLAIN:
        raise errors.Invalid(f"Servers cannot be searched by {name}.")
    column = T[name]
    value: Any = text
    if isinstance(column.type, sa.Boolean):
        value = _TRUTHS.get(text.strip().lower())
    elif isinstance(column.type, sa.Integer):
        value = int(text) if re.fullmatch(r"-?\d{1,9}", text.strip()) else None
    if value is None:
        raise errors.Invalid(f"{text} is not a possible value of {name}.")
    return sa.and_(column == value)


def _pattern(text: str) -> str:
    """Return a caller's pattern in the form that all three databases understand."""
    try:
        re.compile(text)
    except re.error as error:
        raise errors.Invalid(f"{text} is not a regular expression.") from error
    return f"(?i){text}"


def order(sort: tuple[tuple[str, str], ...]) -> KeysetOrder:
    """Return the order that `sort` asks for, newest first by default."""
    keys: list[tuple[sa.Column[Any], bool]] = []
    for name, direction in sort:
        if name not in _SORTABLE or direction not in {"asc", "desc"}:
            raise errors.Invalid(f"Servers cannot be sorted by {name} {direction}.")
        keys.append((T[name], direction == "asc"))
    ascending = keys[-1][1] if keys else False
    return KeysetOrder((*keys, (T.number, ascending)))
