from __future__ import annotations

import pytest

from nova_clone.domain.errors import Invalid
from nova_clone.web.paging import Page, next_link, page
from nova_clone.web.query import Param, Query, split
from nova_clone.web.schemas import REGEX
from nova_clone.web.versions import Version


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", Page(limit=1000)),
        ("limit=5&marker=abc", Page(limit=5, marker="abc")),
        ("limit=0", Page(limit=0)),
        ("limit=5000", Page(limit=1000)),
        ("limit=1&limit=2&offset=3", Page(limit=2, offset=3)),
        ("marker=", Page(limit=1000)),
    ],
)
def test_a_page_is_read_from_the_query(query: str, expected: Page) -> None:
    assert page(split(query), max_limit=1000) == expected


@pytest.mark.parametrize(
    "query", ["limit=-1", "limit=x", "limit=", "limit=1.5", "offset=-1", f"limit={'9' * 30}"]
)
def test_a_bad_page_is_refused(query: str) -> None:
    with pytest.raises(Invalid, match=r"field/attribute (limit|offset)\. "):
        page(split(query), max_limit=1000)


def test_an_endless_marker_is_refused() -> None:
    with pytest.raises(Invalid):
        page({"marker": ["x" * 256]}, max_limit=1000)


def test_zero_may_mean_everything() -> None:
    assert page(split("limit=0"), max_limit=10, zero_means_all=True).limit == 10


def test_a_page_cuts_a_list() -> None:
    assert Page(limit=2, offset=1).slice("abcd") == "bc"


def test_a_full_page_links_to_the_next() -> None:
    query = "limit=2&name=a%20b&marker=0&tags="
    (link,) = next_link("http://x/servers", query, page=Page(limit=2), markers=["1", "2&"])
    assert link == {
        "rel": "next",
        "href": "http://x/servers?limit=2&name=a+b&tags=&marker=2%26",
    }


@pytest.mark.parametrize(("limit", "markers"), [(3, ["1", "2"]), (0, []), (5, [])])
def test_the_last_page_links_nowhere(limit: int, markers: list[str]) -> None:
    assert next_link("http://x", "", page=Page(limit=limit), markers=markers) == []


SERVERS = Query(
    Param("name", REGEX),
    Param("locked", since="2.73"),
    Param("host", single=True, until="2.90"),
    Param("property-", prefix=True),
    strict_since="2.75",
)


def test_unknown_parameters_are_dropped_then_refused() -> None:
    query = "name=a&name=b&locked=1&property-x=y&who=me"
    assert SERVERS.parse(query, Version(2, 1)) == {"name": ["a", "b"], "property-x": ["y"]}
    assert "locked" in SERVERS.parse(query, Version(2, 74))
    with pytest.raises(Invalid, match="who"):
        SERVERS.parse(query, Version(2, 75))
    with pytest.raises(Invalid, match="host"):
        SERVERS.parse("host=h", Version(2, 91))


@pytest.mark.parametrize(
    "query", ["name=(", "host=a&host=b", "name=%ff", "name=%00", "&".join(["a=b"] * 1001)]
)
def test_bad_parameters_are_refused(query: str) -> None:
    with pytest.raises(Invalid):
        SERVERS.parse(query, Version(2, 1))


def test_the_last_of_repeated_values_counts() -> None:
    values = SERVERS.parse("name=a&name=b", Version(2, 1))
    assert values.last("name") == "b"
    assert values.last("host") is None
    assert values.last("host", "h") == "h"


def test_a_query_may_never_be_strict() -> None:
    assert Query(Param("a")).parse("b=1", Version(2, 104)) == {}
