from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from nova_clone.web.rows import ABSENT, Row, Rows
from nova_clone.web.versions import Version, between


@dataclasses.dataclass(frozen=True, kw_only=True)
class Server:
    id: str
    flavor: str
    host: str | None = None


SERVER: Rows[Server, str] = Rows(
    Row("id", lambda server, view: server.id),
    Row("flavor", lambda server, view: {"id": server.flavor}, between(until="2.46")),
    Row("flavor", lambda server, view: {"name": server.flavor}, between("2.47")),
    Row("links", lambda server, view: f"{view}/{server.id}"),
    Row("host", lambda server, view: server.host or ABSENT, policy="see:host", optional=True),
)
ONE = Server(id="1", flavor="m1", host="cn1")


def body(version: str, *visible: str, server: Server = ONE) -> dict[str, Any]:
    return SERVER.body(server, "http://x", Version.parse(version), visible=frozenset(visible))


def test_the_version_picks_the_rows() -> None:
    assert body("2.46")["flavor"] == {"id": "m1"}
    assert body("2.47")["flavor"] == {"name": "m1"}


def test_the_view_reaches_every_row() -> None:
    assert body("2.1")["links"] == "http://x/1"


def test_keys_keep_the_order_of_the_table() -> None:
    assert list(body("2.1", "see:host")) == ["id", "flavor", "links", "host"]


def test_guarded_rows_show_to_those_who_may_see_them() -> None:
    assert SERVER.rules == {"see:host"}
    assert "host" not in body("2.1")
    assert "host" not in body("2.1", "see:other")
    assert body("2.1", "see:host")["host"] == "cn1"


def test_an_optional_row_may_leave_its_key_out() -> None:
    assert "host" not in body("2.1", "see:host", server=Server(id="2", flavor="m1"))


def test_a_plan_serves_a_whole_list() -> None:
    plan = SERVER.plan(Version(2, 1))
    assert plan is SERVER.plan(Version(2, 1), visible=frozenset(("unrelated",)))
    assert [plan(server, "")["id"] for server in (ONE, Server(id="2", flavor="f"))] == ["1", "2"]


def test_two_rows_of_one_key_may_not_show_together() -> None:
    with pytest.raises(ValueError, match="flavor"):
        Rows(Row("flavor", lambda r, v: 1), Row("flavor", lambda r, v: 2, between("2.5")))
