from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_clone.domain.errors import Invalid
from nova_clone.domain.topology.cpuset import format_cpuset, parse_cpuset


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("", set()),
        ("3", {3}),
        ("0-3", {0, 1, 2, 3}),
        ("0-3,^2, 8", {0, 1, 3, 8}),
        ("^1,0-2", {0, 2}),
        ("0 - 2", {0, 1, 2}),
        ("4,,5,", {4, 5}),
    ],
)
def test_lists_are_read(text: str, cpus: set[int]) -> None:
    assert parse_cpuset(text) == cpus


@pytest.mark.parametrize(
    "text", ["a", "-1", "3-1", "1-", "0-99999999999", "1.5", "^", "65536", "²"]
)
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_cpuset(text)


def test_sets_are_written_short() -> None:
    assert format_cpuset({5, 0, 1, 2, 8, 9}) == "0-2,5,8-9"
    assert format_cpuset([]) == ""


@given(st.frozensets(st.integers(0, 300)))
def test_what_is_written_is_read_back(cpus: frozenset[int]) -> None:
    assert parse_cpuset(format_cpuset(cpus)) == cpus
