from __future__ import annotations

import pytest

from nova_clone.domain.errors import Invalid
from nova_clone.web.versions import (
    ALWAYS,
    Version,
    VersionNotAcceptable,
    VersionRange,
    VersionScheme,
    between,
    negotiate,
)

COMPUTE = VersionScheme(supported=VersionRange.of("2.1", "2.104"), default=Version(2, 1))
PLACEMENT = VersionScheme(
    supported=VersionRange.of("1.0", "1.39"),
    default=Version(1, 0),
    service_type="placement",
    legacy_header=None,
)
STANDARD = "OpenStack-API-Version"
LEGACY = "X-OpenStack-Nova-API-Version"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "2.1"),
        ({STANDARD: "compute 2.53"}, "2.53"),
        ({STANDARD: "Compute 2.53"}, "2.53"),
        ({STANDARD: "compute  2.53 "}, "2.53"),
        ({STANDARD: "compute latest"}, "2.104"),
        ({STANDARD: "compute LATEST"}, "2.104"),
        ({STANDARD: "volume 3.70"}, "2.1"),
        ({STANDARD: "volume 3.70, compute 2.9"}, "2.9"),
        ({STANDARD: "compute 2.8, compute 2.9, placement 1.1"}, "2.9"),
        ({STANDARD: "2.53"}, "2.1"),
        ({LEGACY: "2.27"}, "2.27"),
        ({LEGACY: "latest"}, "2.104"),
        ({LEGACY: "2.27", STANDARD: "compute 2.30"}, "2.30"),
        ({LEGACY: "2.27", STANDARD: "volume 3.0"}, "2.27"),
    ],
)
def test_the_headers_name_a_version(headers: dict[str, str], expected: str) -> None:
    assert str(negotiate(headers.get, COMPUTE)) == expected


@pytest.mark.parametrize(
    "text", ["", "2", "2.", "2.01", "02.1", "2.1.1", "2.x", "two", "-2.1", "\u0662.1"]
)
def test_anything_else_is_invalid(text: str) -> None:
    with pytest.raises(Invalid):
        negotiate({STANDARD: f"compute {text}"}.get, COMPUTE)


@pytest.mark.parametrize("text", ["1.9", "2.0", "2.105", "3.1", "2.999999999"])
def test_what_lies_outside_the_range_is_not_acceptable(text: str) -> None:
    with pytest.raises(VersionNotAcceptable, match="406"):
        negotiate({STANDARD: f"compute {text}"}.get, COMPUTE)


def test_placement_does_not_look_at_the_compute_headers() -> None:
    headers = {STANDARD: "compute 2.53", LEGACY: "2.53"}
    assert negotiate(headers.get, PLACEMENT) == Version(1, 0)
    assert negotiate({STANDARD: "placement latest"}.get, PLACEMENT) == Version(1, 39)
    assert PLACEMENT.response_headers(Version(1, 10)) == ((STANDARD, "placement 1.10"),)
    assert PLACEMENT.vary() == STANDARD


def test_versions_compare_as_numbers() -> None:
    assert Version.parse("2.9") < Version.parse("2.10") < Version.parse("10.0")


def test_spans_include_both_ends() -> None:
    span = between("2.3", "2.5")
    held = [minor for minor in range(1, 8) if span.holds(Version(2, minor))]
    assert held == [3, 4, 5]
    assert between() is ALWAYS
    assert ALWAYS.holds(Version(1, 0))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (between(until="2.5"), between("2.6"), False),
        (between(until="2.5"), between("2.5"), True),
        (between("2.2", "2.3"), between("2.1", "2.9"), True),
        (between("2.2", "2.3"), ALWAYS, True),
        (between("2.7"), between("2.1", "2.6"), False),
    ],
)
def test_spans_know_whether_they_overlap(one: object, other: object, expected: object) -> None:
    assert one.overlaps(other) is expected
    assert other.overlaps(one) is expected
