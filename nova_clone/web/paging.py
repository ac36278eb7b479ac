"""Pages of a list: how long, from where, and the link to the next."""

from __future__ import annotations

import dataclasses
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any, Final

from nova_clone.domain.errors import Invalid
from nova_clone.web.violations import invalid

_MAX_MARKER: Final = 255


@dataclasses.dataclass(frozen=True, kw_only=True)
class Page:
    """What part of a list is asked for: at most `limit` items after `marker`."""

    limit: int
    marker: str | None = None
    offset: int = 0

    def slice(self, items: Sequence[Any]) -> Sequence[Any]:
        """Return this page of a list that is at hand as a whole, by offset."""
        return items[self.offset : self.offset + self.limit]


def page(
    query: Mapping[str, Sequence[str]], *, max_limit: int, zero_means_all: bool = False
) -> Page:
    """Read limit, marker and offset from a query; raise `Invalid` for bad ones.

    `max_limit` is ``[api] max_limit``. A limit of 0 asks for an empty page,
    or with `zero_means_all` for a full one.
    """
    limit = _number(query, "limit", max_limit)
    if limit == 0 and zero_means_all:
        limit = max_limit
    marker = _last(query, "marker")
    if marker is not None and len(marker) > _MAX_MARKER:
        raise invalid(["marker"], marker, "The marker is too long.")
    return Page(
        limit=min(limit, max_limit),
        marker=marker or None,
        offset=_number(query, "offset", 0),
    )


def next_link(url: str, query_string: str, *, page: Page, markers: Sequence[str]) -> list[Any]:
    """Return the links to the next page; none when this one was not full.

    `url` is the list's own address without a query and `markers` names the
    items of this page in order.
    """
    if not markers or len(markers) < page.limit:
        return []
    kept = [
        (key, value)
        for key, value in urllib.parse.parse_qsl(query_string, keep_blank_values=True)
        if key != "marker"
    ]
    query = urllib.parse.urlencode([*kept, ("marker", markers[-1])])
    return [{"rel": "next", "href": f"{url}?{query}"}]


def _last(query: Mapping[str, Sequence[str]], name: str) -> str | None:
    values = query.get(name)
    return values[-1] if values else None


def _number(query: Mapping[str, Sequence[str]], name: str, default: int) -> int:
    text = _last(query, name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 19:
        raise _not_a_number(name, text)
    return int(text)


def _not_a_number(name: str, text: str) -> Invalid:
    return invalid([name], text, "The value must be an integer of at least 0.")
