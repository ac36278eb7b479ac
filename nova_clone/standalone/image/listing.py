"""``GET /v2/images``: which images, in which order, from where on."""

from __future__ import annotations

import operator
import shlex
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import falcon

from nova_clone.domain import errors
from nova_clone.standalone.authentication import TokenRecord
from nova_clone.standalone.image.records import ImageRecord

_DEFAULT_LIMIT = 25
_MAX_LIMIT = 1000
_SORTABLE = frozenset(
    {
        "name",
        "status",
        "container_format",
        "disk_format",
        "size",
        "id",
        "created_at",
        "updated_at",
        "min_disk",
        "min_ram",
        "owner",
        "visibility",
        "protected",
    }
)
_LISTS = frozenset({"id", "name", "status", "container_format", "disk_format"})
#: Query parameters that are not compared with an attribute of the same name.
_NOT_ATTRIBUTES = frozenset(
    {
        "limit",
        "marker",
        "sort",
        "sort_key",
        "sort_dir",
        "os_hidden",
        "visibility",
        "member_status",
    }
)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "neq": operator.ne,
}

Test = Callable[[ImageRecord], bool]


def select(
    request: falcon.Request,
    caller: TokenRecord,
    images: Sequence[ImageRecord],
    offers: dict[str, str],
) -> tuple[list[ImageRecord], str | None]:
    """Return one page of what the query asks for and the path of the next one.

    Raises Invalid for a bad query.
    """
    tests = [_hidden(request), _shown_unasked(request, caller, offers)]
    tests += [_test(name, request) for name in request.params.keys() - _NOT_ATTRIBUTES]
    found = [image for image in images if all(test(image) for test in tests)]
    for key, descending in reversed(_order(request)):
        found.sort(key=lambda image: _sort_value(image, key), reverse=descending)
    return _page(request, found)


def _page(
    request: falcon.Request, found: list[ImageRecord]
) -> tuple[list[ImageRecord], str | None]:
    limit = _limit(request)
    start = 0
    if marker := request.get_param("marker"):
        positions = [index for index, image in enumerate(found) if image.id == marker]
        if not positions:
            raise errors.Invalid(f"Invalid marker. Image {marker} could not be found.")
        start = positions[0] + 1
    page = found[start : start + limit]
    if not page or start + limit >= len(found):
        return page, None
    query = [
        (name, value)
        for name in request.params
        if name != "marker"
        for value in request.get_param_as_list(name) or ()
    ]
    return page, "/v2/images?" + urlencode([*query, ("marker", page[-1].id)])


def _limit(request: falcon.Request) -> int:
    text = request.get_param("limit")
    if text is None:
        return _DEFAULT_LIMIT
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise errors.Invalid("limit param must be an integer that is not negative.")
    return min(int(text), _MAX_LIMIT)


def _order(request: falcon.Request) -> list[tuple[str, bool]]:
    keys = request.get_param_as_list("sort_key") or []
    directions = request.get_param_as_list("sort_dir") or []
    if sort := request.get_param("sort"):
        if keys or directions:
            raise errors.Invalid("Old and new sorting syntax cannot be combined.")
        pairs = [part.strip().partition(":") for part in sort.split(",")]
        keys = [key for key, _, _ in pairs]
        directions = [direction or "desc" for _, _, direction in pairs]
    if len(directions) == 1:
        directions = directions * max(len(keys), 1)
    if not keys:
        keys = ["created_at"]
    directions = directions or ["desc"] * len(keys)
    if len(directions) != len(keys):
        raise errors.Invalid("Number of sort dirs does not match the number of sort keys.")
    for key, direction in zip(keys, directions, strict=True):
        if key not in _SORTABLE:
            raise errors.Invalid(f"Invalid sort key: {key}.")
        if direction not in ("asc", "desc"):
            raise errors.Invalid(f"Invalid sort direction: {direction}.")
    order = [(key, way == "desc") for key, way in zip(keys, directions, strict=True)]
    return [*order, ("id", order[-1][1])]


def _sort_value(image: ImageRecord, key: str) -> tuple[bool, Any]:
    value = getattr(image, key)
    return (value is not None, "" if value is None else value)


def _hidden(request: falcon.Request) -> Test:
    wanted = _boolean("os_hidden", request.get_param("os_hidden") or "false")
    return lambda image: image.os_hidden is wanted


def _shown_unasked(request: falcon.Request, caller: TokenRecord, offers: dict[str, str]) -> Test:
    visibility = request.get_param("visibility")
    status = request.get_param("member_status") or "accepted"
    if status not in ("accepted", "pending", "rejected", "all"):
        raise errors.Invalid(f"Invalid status: {status}.")
    if visibility not in (None, "public", "private", "shared", "community", "all"):
        raise errors.Invalid(f"Invalid visibility value: {visibility}.")
    owner = request.get_param("owner")

    def test(image: ImageRecord) -> bool:
        if visibility not in (None, "all"):
            if image.visibility != visibility:
                return False
        elif visibility is None and image.visibility == "community":
            return image.owner == caller.project_id or image.owner == owner
        mine = caller.is_admin or image.owner == caller.project_id
        if image.visibility == "shared" and not mine:
            return status in ("all", offers.get(image.id))
        return True

    return test


def _test(name: str, request: falcon.Request) -> Test:
    value = request.get_param(name) or ""
    if name == "tag":
        tags = set(request.get_param_as_list("tag") or ())
        return lambda image: tags <= set(image.tags)
    if name == "protected":
        protected = _boolean(name, value)
        return lambda image: image.protected is protected
    if name in ("created_at", "updated_at"):
        return _moment_test(name, value)
    if name in ("size_min", "size_max", "size", "min_disk", "min_ram"):
        return _amount_test(name, value)
    if name in _LISTS:
        wanted = _any_of(value)
        return lambda image: getattr(image, name) in wanted
    if name in ("owner", "checksum", "os_hash_algo", "os_hash_value"):
        return lambda image: getattr(image, name) == value
    return lambda image: image.properties.get(name) == value


def _any_of(value: str) -> frozenset[str]:
    if not value.startswith("in:"):
        return frozenset({value})
    splitter = shlex.shlex(value[3:], posix=True)
    splitter.whitespace = ","
    splitter.whitespace_split = True
    splitter.escape = ""
    splitter.commenters = ""
    try:
        return frozenset(splitter)
    except ValueError as error:
        raise errors.Invalid(f"Invalid filter value {value}.") from error


def _amount_test(name: str, value: str) -> Test:
    if not value.isascii() or not value.isdigit() or len(value) > 18:
        raise errors.Invalid(f"Invalid value for {name}: {value}.")
    amount = int(value)
    if name == "size_min":
        return lambda image: image.size is not None and image.size >= amount
    if name == "size_max":
        return lambda image: image.size is not None and image.size <= amount
    return lambda image: getattr(image, name) == amount


def _moment_test(name: str, value: str) -> Test:
    sign, _, text = value.partition(":")
    if sign not in _COMPARISONS:
        sign, text = "eq", value
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise errors.Invalid(f"Invalid time value: {value}.") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    compare = _COMPARISONS[sign]
    return lambda image: compare(getattr(image, name).replace(microsecond=0), moment)


def _boolean(name: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise errors.Invalid(f"Invalid value '{value}' for '{name}': true or false.")
    return value.lower() == "true"
