"""Lists as the API gives them: filtered, sorted, cut into pages, with chosen fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from nova_clone.standalone.network.faults import malformed

View = dict[str, Any]

_CONTROL = ("fields", "limit", "marker", "sort_key", "sort_dir", "page_reverse")
_TAG_FILTERS = ("tags", "tags-any", "not-tags", "not-tags-any")
#: Most records of one page; asking for more gives this many.
MAX_PAGE = 10000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Query:
    """What a list request asks for: its parameters, each with all values given."""

    parameters: Mapping[str, Sequence[str]]
    url: str = ""

    def fields(self) -> frozenset[str]:
        """Return the attributes to show; empty means all."""
        return frozenset(self.parameters.get("fields", ()))


def apply(views: Sequence[View], query: Query, *, plural: str) -> dict[str, Any]:
    """Return the body of a list response with the part of `views` that `query` asks for."""
    found = [view for view in views if _matches(view, query.parameters)]
    found = _sorted(found, query.parameters)
    page, links = _page(found, query, plural)
    fields = query.fields()
    if fields:
        page = [{key: view[key] for key in view if key in fields} for view in page]
    body: dict[str, Any] = {plural: page}
    if links:
        body[f"{plural}_links"] = links
    return body


def _matches(view: View, parameters: Mapping[str, Sequence[str]]) -> bool:
    for name, wanted in parameters.items():
        if name in _CONTROL:
            continue
        if name in _TAG_FILTERS:
            if not _tags_match(view.get("tags", ()), name, wanted):
                return False
        elif name == "fixed_ips":
            if not _addresses_match(view.get("fixed_ips", ()), wanted):
                return False
        elif name == "security_group_id" and "security_groups" in view:
            if not set(wanted) & set(view["security_groups"]):
                return False
        elif name in view and not _equal(view[name], wanted):
            return False
    return True


def _equal(value: Any, wanted: Sequence[str]) -> bool:
    if isinstance(value, list | tuple):
        return any(_text(item) in wanted for item in value)
    if isinstance(value, bool):
        return str(value).lower() in {_spelled(item) for item in wanted}
    if value is None:
        return any(item in ("", "None", "null") for item in wanted)
    return _text(value) in wanted


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _spelled(item: str) -> str:
    return {"1": "true", "0": "false"}.get(item, item.lower())


def _tags_match(tags: Sequence[str], name: str, wanted: Sequence[str]) -> bool:
    asked = {tag for item in wanted for tag in item.split(",")}
    holds = bool(asked & set(tags)) if name.endswith("-any") else asked <= set(tags)
    return holds != name.startswith("not-")


def _addresses_match(fixed_ips: Sequence[View], wanted: Sequence[str]) -> bool:
    """Tell whether a port has any of the addresses, or one in any of the subnets, asked for."""
    asked: dict[str, set[str]] = {}
    for item in wanted:
        key, separator, value = item.partition("=")
        if not separator or key not in ("ip_address", "subnet_id", "ip_address_substr"):
            raise malformed(f"Invalid filter fixed_ips={item}")
        asked.setdefault(key, set()).add(value)
    return all(
        any(
            any(part in ip["ip_address"] for part in values)
            if key == "ip_address_substr"
            else ip[key] in values
            for ip in fixed_ips
        )
        for key, values in asked.items()
    )


def _sorted(views: list[View], parameters: Mapping[str, Sequence[str]]) -> list[View]:
    keys = parameters.get("sort_key", ())
    directions = parameters.get("sort_dir", ())
    if directions and len(directions) != len(keys):
        raise malformed("The number of sort_keys and sort_dirs must be same")
    if set(directions) - {"asc", "desc"}:
        raise malformed("sort_dir must be asc or desc")
    pairs = list(zip(keys, directions or ["asc"] * len(keys), strict=True))
    for key, direction in reversed(pairs):
        if views and key not in views[0]:
            raise malformed(f"'{key}' is an invalid attribute for sort keys")
        views = sorted(
            views,
            key=lambda view: (view[key] is not None, _order(view[key])),
            reverse=direction == "desc",
        )
    return views


def _order(value: Any) -> Any:
    return value if isinstance(value, int | float | str) else str(value)


def _page(found: list[View], query: Query, plural: str) -> tuple[list[View], list[View]]:
    parameters = query.parameters
    limit = _limit(parameters.get("limit", ()))
    reverse = parameters.get("page_reverse", ("",))[-1].lower() in ("true", "1")
    marker = parameters.get("marker", ("",))[-1]
    if reverse:
        found = found[::-1]
    if marker:
        position = next((at for at, view in enumerate(found) if view.get("id") == marker), None)
        if position is None:
            raise malformed(f"Marker {marker} could not be found")
        found = found[position + 1 :]
    page = found[:limit]
    links: list[View] = []
    asked = bool(parameters.get("limit"))
    if asked and len(found) > limit:
        links.append(_link("previous" if reverse else "next", query, page[-1]["id"], reverse))
    if asked and marker and page:
        links.append(_link("next" if reverse else "previous", query, page[0]["id"], not reverse))
    return (page[::-1] if reverse else page), links


def _limit(given: Sequence[str]) -> int:
    if not given:
        return MAX_PAGE
    try:
        limit = int(given[-1])
    except ValueError:
        limit = -1
    if limit < 0:
        raise malformed(f"Invalid value for limit: {given[-1][:40]}")
    return min(limit, MAX_PAGE) if limit else MAX_PAGE


def _link(rel: str, query: Query, marker: str, reverse: bool) -> View:  # noqa: FBT001
    kept = [
        (name, value)
        for name, values in query.parameters.items()
        if name not in ("marker", "page_reverse")
        for value in values
    ]
    kept.append(("marker", marker))
    if reverse:
        kept.append(("page_reverse", "True"))
    return {"rel": rel, "href": f"{query.url}?{urlencode(kept)}"}
