from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_clone.domain.errors import Invalid
from tests.unit.scheduler.filters.judging import concerned, passes
from tests.unit.scheduler.hosts import host, request

NAME = "JsonFilter"
VIEW = host("h1", ram=(2048, 1024), vcpus=(8, 6), cpu_info={"vendor": "AMD"})


@pytest.mark.parametrize(
    ("query", "fit"),
    [
        ([], True),
        (["=", "$host", "h1"], True),
        (["=", "$host", "h2"], False),
        (["=", "$free_ram_mb", 1024, 1024], True),
        (["=", "$free_ram_mb", 1024, 1025], False),
        (["=", "$free_ram_mb", "1024"], False),
        (["<", "$vcpus_used", 7], True),
        (["<", "$vcpus_used", 6], False),
        ([">", "$vcpus_total", 7], True),
        ([">", "$vcpus_total", 8], False),
        (["<=", "$vcpus_used", 6], True),
        (["<=", "$vcpus_used", 5], False),
        ([">=", "$free_ram_mb", 1024], True),
        ([">=", "$free_ram_mb", 1025], False),
        ([">=", "$free_ram_mb", "much"], False),
        ([">=", "$free_ram_mb"], False),
        ([">="], False),
        (["in", "$host", "h0", "h1"], True),
        (["in", "$host", "h0"], False),
        (["in", "$host"], False),
        (["not", ["=", "$host", "h2"]], True),
        (["not", ["=", "$host", "h1"]], False),
        (["not"], False),
        (["and", ["=", "$host", "h1"], [">", "$free_ram_mb", 1]], True),
        (["and", ["=", "$host", "h1"], [">", "$free_ram_mb", 9999]], False),
        (["or", ["=", "$host", "h2"], [">", "$free_ram_mb", 1]], True),
        (["or", ["=", "$host", "h2"], [">", "$free_ram_mb", 9999]], False),
        (["not", ["or", ["=", "$host", "h1"]]], False),
        (["=", "$cpu_info.vendor", "AMD"], True),
        (["=", "$cpu_info.model", "EPYC"], False),
        (["=", "$secrets", 1], False),
    ],
)
def test_queries(query: list[Any], fit: bool) -> None:
    spec = request(hints={"query": (json.dumps(query),)})

    assert passes(NAME, VIEW, spec) is fit


def test_without_the_hint_no_host_is_looked_at() -> None:
    assert not concerned(NAME, request())


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "{}x",
        '"text"',
        "17",
        '{"=": 1}',
        '["like", "$host", "h"]',
        '[["="], 1]',
        "[1, 2]",
        '["and", []]',
        "[" * 100_000,
        json.dumps(["in", "$host", *range(300)]),
        '["not", ' * 40 + '["=", 1, 1]' + "]" * 40,
    ],
)
def test_what_is_no_query_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="scheduler hint query"):
        passes(NAME, VIEW, request(hints={"query": (text,)}))


WORDS = st.sampled_from(
    [
        "=",
        "<",
        ">",
        "<=",
        ">=",
        "in",
        "not",
        "and",
        "or",
        "$host",
        "$free_ram_mb",
        "$cpu_info.x",
        "",
    ]
)
QUERIES = st.recursive(
    st.one_of(WORDS, st.integers(), st.none(), st.booleans(), st.floats(), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=12,
)


@given(QUERIES)
def test_any_query_is_refused_or_answered(query: Any) -> None:
    spec = request(hints={"query": (json.dumps(query),)})

    with contextlib.suppress(Invalid):
        assert passes(NAME, VIEW, spec) in (True, False)
