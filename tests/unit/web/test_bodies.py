from __future__ import annotations

import base64
import contextlib
import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nova_clone.domain.errors import Invalid
from nova_clone.web import schemas
from nova_clone.web.media import parse_json
from nova_clone.web.requests import (
    AnyOf,
    Array,
    Body,
    Field,
    Object,
    OneOf,
    raises_to,
)
from nova_clone.web.schemas import (
    BOOLISH,
    NAME,
    TAG,
    TEXT,
    UUID,
    choice,
    integer_or_digits,
    nullable,
)
from nova_clone.web.versions import Version

from .conftest import THING, Client, a_door

V = Version.parse
JSON = {"Content-Type": "application/json"}
SERVER_ID = "6dc4ed0a-17a2-4f4c-8d35-31f3ba0e1d5c"

CREATE = Body(
    Object(
        Field(
            "server",
            Object(
                Field("name", NAME, required=True),
                Field("adminPass", TEXT),
                Field("min_count", integer_or_digits(1)),
                Field("networks", Array(Object(Field("uuid", TEXT))), until="2.36"),
                Field(
                    "networks",
                    OneOf(Array(Object(Field("uuid", UUID))), choice("auto", "none")),
                    since="2.37",
                    required=True,
                ),
                Field("tags", Array(TAG, max_items=2, unique=True), since="2.52"),
            ),
            required=True,
        ),
        Field("hints", Object(free=schemas.ANY, nullable=True)),
    )
)


def refusal(body: Body, media: Any, version: str) -> str:
    with pytest.raises(Invalid) as caught:
        body.parse(media, V(version))
    return caught.value.message


@pytest.mark.parametrize(
    ("media", "version"),
    [
        ({"server": {"name": "x"}}, "2.1"),
        ({"server": {"name": "x", "networks": [{"uuid": "any"}]}}, "2.36"),
        ({"server": {"name": "x", "networks": "auto"}}, "2.37"),
        ({"server": {"name": "x", "networks": [{"uuid": SERVER_ID}], "tags": ["a"]}}, "2.52"),
        ({"server": {"name": "x", "min_count": "3"}, "hints": None}, "2.1"),
        ({"server": {"name": "x", "min_count": 3}, "hints": {"a": [1]}}, "2.1"),
    ],
)
def test_what_fits_its_version_comes_back_unchanged(media: Any, version: str) -> None:
    assert CREATE.parse(media, V(version)) == media


@pytest.mark.parametrize(
    ("media", "version", "place"),
    [
        (None, "2.1", "body"),
        ([], "2.1", "body"),
        ({}, "2.1", "body"),
        ({"server": {}}, "2.1", "server"),
        ({"server": {"name": " x"}}, "2.1", "server.name"),
        ({"server": {"name": ""}}, "2.1", "server.name"),
        ({"server": {"name": "x" * 256}}, "2.1", "server.name"),
        ({"server": {"name": "x\u0007"}}, "2.1", "server.name"),
        ({"server": {"name": "x", "other": 1}}, "2.1", "server"),
        ({"server": {"name": "x", "networks": "auto"}}, "2.36", "server.networks"),
        ({"server": {"name": "x"}}, "2.37", "server"),
        ({"server": {"name": "x", "networks": [{"uuid": "z"}]}}, "2.37", "server.networks.0.uuid"),
        ({"server": {"name": "x", "tags": ["a"]}}, "2.1", "server"),
        ({"server": {"name": "x", "networks": "none", "tags": list("abc")}}, "2.52", "server.tags"),
        ({"server": {"name": "x", "min_count": 0}}, "2.1", "server.min_count"),
        ({"server": {"name": "x", "min_count": "0"}}, "2.1", "server.min_count"),
        ({"server": {"name": "x", "min_count": 1.0}}, "2.1", "server.min_count"),
        ({"server": {"name": "x", "min_count": True}}, "2.1", "server.min_count"),
        ({"server": {"name": "x", "min_count": "9" * 30}}, "2.1", "server.min_count"),
    ],
)
def test_what_does_not_fit_is_named_by_its_place(media: Any, version: str, place: str) -> None:
    message = refusal(CREATE, media, version)
    assert message.startswith(f"Invalid input for field/attribute {place}. Value: ")


def test_a_refusal_is_short_and_hides_secrets() -> None:
    assert len(refusal(CREATE, {"server": {"name": "x" * 100_000}}, "2.1")) < 600
    assert len(refusal(CREATE, {"server": {"name": "x", "y" * 100_000: 1}}, "2.1")) < 600
    many = {f"k{n}": n for n in range(100_000)}
    assert len(refusal(CREATE, {"server": {"name": "x", **many}}, "2.1")) < 600
    secret = {"server": {"name": "x", "adminPass": ["hunter2"]}}
    assert "hunter2" not in refusal(CREATE, secret, "2.1")
    assert "hunter2" not in refusal(CREATE, {"server": {"adminPass": "hunter2"}}, "2.1")


def test_one_field_cannot_be_declared_twice_for_a_version() -> None:
    with pytest.raises(ValueError, match="name"):
        Object(Field("name", TEXT, until="2.5"), Field("name", NAME, since="2.5"))


def test_older_bodies_are_raised_step_by_step_to_the_newest_shape() -> None:
    @raises_to("2.37")
    def networks_are_asked_for(body: dict[str, Any]) -> dict[str, Any]:
        return {"networks": "auto"} | body

    @raises_to("2.5")
    def name_replaces_title(body: dict[str, Any]) -> dict[str, Any]:
        return {"name": body["title"]}

    body = Body(
        Object(
            Field("title", TEXT, until="2.4", required=True),
            Field("name", TEXT, since="2.5", required=True),
            Field("networks", TEXT, since="2.37"),
        ),
        lifts=(networks_are_asked_for, name_replaces_title),
    )
    newest = {"name": "x", "networks": "auto"}
    assert body.parse({"title": "x"}, V("2.4")) == newest
    assert body.parse({"name": "x"}, V("2.36")) == newest
    assert body.parse({"name": "x"}, V("2.37")) == {"name": "x"}


def test_the_legacy_shape_is_searched_through_lists_and_alternatives() -> None:
    body = Body(
        Object(
            Field("items", Array(AnyOf(Object(Field("name", NAME)), TEXT))),
            Field("new", TEXT, since="2.50"),
            Field("free", Object(free=TEXT)),
        )
    )
    media = {"items": [{"name": " a ", "x": 1}, "b"], "new": "c", "free": {"k": "v"}, "y": 0}
    kept = {"items": [{"name": "a"}, "b"], "free": {"k": "v"}}
    assert body.parse(media, V("2.1"), legacy=True) == kept


def test_the_legacy_shape_keeps_what_any_alternative_knows() -> None:
    body = Body(OneOf(Object(Field("a", NAME)), Object(Field("b", NAME, required=True)), TEXT))
    assert body.parse({"b": " x ", "c": 1}, V("2.1"), legacy=True) == {"b": "x"}
    assert body.parse("s", V("2.1"), legacy=True) == "s"


def test_times_are_read_as_utc() -> None:
    noon = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
    for text in (
        "2026-01-01T12:00:00Z",
        "2026-01-01 12:00:00",
        "2026-01-01T14:00:00+02:00",
        "2026-01-01T14:00:00 02:00",
    ):
        assert schemas.as_time(text) == noon


GOOD_AND_BAD = [
    (
        schemas.UUID,
        [SERVER_ID, SERVER_ID.upper(), SERVER_ID.replace("-", "")],
        ["", "x", f"{SERVER_ID}\n"],
    ),
    (BOOLISH, [True, False, "yes", "F", "0"], [1, 0, None, "maybe", "tRUE"]),
    (NAME, ["a", "a b", "ñandú 東京"], [" a", "a\n", "a\u200b", "\u2028", ""]),
    (schemas.AZ_NAME, ["nova"], ["nova:host"]),
    (schemas.DESCRIPTION, [None, "", " a "], ["\x00", "x" * 256]),
    (schemas.HOSTNAME, ["ab", "a-b", "x1"], ["a", "-ab", "ab-", "a.b", "a" * 64, "ab\n"]),
    (schemas.FQDN, ["a.b", "a_b", "a"], ["", "a b", "a/b", "a" * 256]),
    (schemas.IPV4, ["10.0.0.1"], ["10.0.0", "10.0.0.256", "::1", "1"]),
    (schemas.IPV6, ["::1", "fe80::1"], ["10.0.0.1", ":::"]),
    (schemas.IP_ADDRESS, ["::1", "10.0.0.1"], ["x"]),
    (schemas.CIDR, ["10.0.0.1/8", "::/0"], ["10.0.0.0/33"]),
    (schemas.BASE64, [base64.b64encode(b"\x00\xff").decode(), "", "YQ==\n"], ["YQ=", "é", "!"]),
    (schemas.TAG, ["a b"], ["", "a,b", "a/b", "x" * 61]),
    (schemas.METADATA, [{"a:b c": "v"}], [{"a": 1}, {"": "v"}, {"k/": "v"}, {"k": "v" * 256}]),
    (schemas.REGEX, ["^a.*$"], ["(", "*"]),
    (
        schemas.DATE_TIME,
        ["2026-01-01T00:00:00Z", "2026-01-01"],
        ["yesterday", "", "0001-01-01T00:00:00+23:00"],
    ),
    (schemas.LIMIT, ["0", "17"], ["-1", "1.0", "x", "٣"]),
    (integer_or_digits(-1, 5), [-1, "5", "-1"], [6, "6", "", -2]),
    (schemas.integer(0, 3), [0, 3], [4, "3", None]),
    (nullable(choice("a")), ["a", None], ["b"]),
    (nullable(schemas.UUID_OR_EMPTY), ["", SERVER_ID, None], ["x"]),
    (nullable(integer_or_digits(1, 2)), [None, 1, "2"], [0]),
]


@pytest.mark.parametrize(("atom", "good", "bad"), GOOD_AND_BAD)
def test_atoms(atom: schemas.Schema, good: list[Any], bad: list[Any]) -> None:
    body = Body(atom)
    for value in good:
        assert body.parse(value, V("2.1")) == value
    for value in bad:
        with pytest.raises(Invalid):
            body.parse(value, V("2.1"))


def test_lenient_values_can_be_made_exact() -> None:
    assert [schemas.as_bool(value) for value in (True, "on", False, "off")] == [
        True,
        True,
        False,
        False,
    ]
    assert schemas.as_int("12") == 12


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b'{"a": 1, "a": 2}',
        b'"\x00"',
        b'"\\u0000"',
        b'{"\\u0000": 1}',
        b'["\\ud800"]',
        b'"\xff"',
        b"NaN",
        b"[-Infinity]",
        b"1e999",
        b"9223372036854775808",
        b"9" * 5000,
        b"[" * 65 + b"]" * 65,
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\xef\xbb\xbf{}",
    ],
)
def test_json_that_is_not_wholly_sound_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid):
        parse_json(raw)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"null", None),
        (b'"\\\\u0000"', "\\u0000"),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b"[" * 64 + b"]" * 64, json.loads("[" * 64 + "]" * 64)),
        (json.dumps(["[{" * 500]).encode(), ["[{" * 500]),
        (json.dumps([[]] * 500).encode(), [[]] * 500),
        (b"9223372036854775807", 2**63 - 1),
    ],
)
def test_sound_json_is_read(raw: bytes, value: Any) -> None:
    assert parse_json(raw) == value


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b'{"thing": {"name": "a"}}', 200),
        ("application/json; charset=utf-8", b'{"thing": {"name": "a"}}', 200),
        ("application/vnd.openstack.compute+json", b'{"thing": {"name": "a"}}', 200),
        ("text/plain", b'{"thing": {"name": "a"}}', 415),
        ("application/xml", b"<thing/>", 415),
        ("application/json", b"", 400),
        ("application/json", b"{", 400),
        (None, b'{"thing": {"name": "a"}}', 400),
        ("application/json", b'"' + b"x" * 114687 + b'"', 413),
    ],
)
def test_bodies_over_http(
    client: Client, content_type: str | None, body: bytes, status: int
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    result = client.ask("POST", "/v2.1/things", headers=headers, body=body)
    assert result.status_code == status, result.text
    faults = {400: "badRequest", 413: "overLimit", 415: "badMediaType"}
    assert status == 200 or list(result.json) == [faults[status]]


DOOR = Client(a_door())
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(
            st.sampled_from(["thing", "name", "hints", "color"]) | st.text(), children
        )
    ),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(ANY_JSON)
def test_no_json_makes_the_server_fail(media: Any) -> None:
    result = DOOR.ask("POST", "/v2.1/things", headers=JSON, body=json.dumps(media))
    assert result.status_code in (200, 400)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_fail(raw: bytes) -> None:
    with contextlib.suppress(Invalid):
        json.dumps(parse_json(raw))


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.text(), st.text()), st.sampled_from(["2.1", "2.20", "2.104"]))
def test_no_strings_make_a_schema_fail(hints: dict[str, str], version: str) -> None:
    media = {"thing": {"name": "n", "hints": hints}}
    assert THING.parse(media, V(version)) == media
