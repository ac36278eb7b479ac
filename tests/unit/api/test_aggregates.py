from __future__ import annotations

from typing import Any

import pytest

from nova_clone.contracts.aggregates import AggregateMember, CacheAggregateImages, UpdateAggregate
from nova_clone.domain.errors import AlreadyExists, Conflict, Invalid, NotFound
from nova_clone.domain.host import Aggregate
from tests.unit.api.builders import MADE, SERVER_ID
from tests.unit.api.conftest import ADMIN, Client
from tests.unit.api.fake_conductor import FakeConductor

FAST = Aggregate(
    id=1,
    uuid="55555555-aaaa-4bbb-8ccc-dddddddddddd",
    name="fast",
    hosts=("compute-1",),
    metadata={"availability_zone": "east", "ssd": "true"},
    created_at=MADE,
)
SHOWN = {
    "id": 1,
    "uuid": FAST.uuid,
    "name": "fast",
    "availability_zone": "east",
    "hosts": ["compute-1"],
    "metadata": {"availability_zone": "east", "ssd": "true"},
    "deleted": False,
    "deleted_at": None,
    "updated_at": None,
}


@pytest.fixture(autouse=True)
def fast(conductor: FakeConductor) -> None:
    conductor.add(FAST)


def ask(client: Client, method: str, path: str = "", body: Any = None, **options: Any) -> Any:
    return client.ask(method, f"/os-aggregates{path}", body, token=ADMIN, **options)


def act(client: Client, action: str, value: Any, number: str = "1") -> Any:
    return ask(client, "POST", f"/{number}/action", {action: value})


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("POST", "", {"aggregate": {"name": "x"}}),
        ("GET", "/1", None),
        ("PUT", "/1", {"aggregate": {"name": "x"}}),
        ("DELETE", "/1", None),
        ("POST", "/1/action", {"add_host": {"host": "x"}}),
        ("POST", "/1/action", {"remove_host": {"host": "x"}}),
        ("POST", "/1/action", {"set_metadata": {"metadata": {}}}),
    ],
)
def test_aggregates_are_for_admins(
    client: Client, conductor: FakeConductor, method: str, path: str, body: Any
) -> None:
    assert client.ask(method, f"/os-aggregates{path}", body).status_code == 403
    assert conductor.asked == []


def test_are_listed_and_shown(client: Client) -> None:
    (listed,) = ask(client, "GET").json["aggregates"]
    shown = ask(client, "GET", "/1").json["aggregate"]
    assert listed == shown
    assert shown.pop("created_at") == "2026-01-31T12:00:00.250000"
    assert shown == SHOWN


def test_uuids_are_shown_since_2_41(client: Client) -> None:
    assert "uuid" not in ask(client, "GET", "/1", version="2.40").json["aggregate"]


def test_a_new_one_is_shown_without_hosts_and_metadata(client: Client) -> None:
    body = {"aggregate": {"name": "slow", "availability_zone": "west"}}
    made = ask(client, "POST", body=body)
    assert made.status_code == 200
    assert made.json["aggregate"]["availability_zone"] == "west"
    assert made.json["aggregate"].keys() == SHOWN.keys() - {"hosts", "metadata"} | {"created_at"}


def test_name_and_zone_are_changed(client: Client, conductor: FakeConductor) -> None:
    body = {"aggregate": {"name": "  quick ", "availability_zone": None}}
    changed = ask(client, "PUT", "/1", body).json["aggregate"]
    assert (changed["name"], changed["availability_zone"]) == ("quick", None)
    assert changed["metadata"] == {"ssd": "true"}
    assert conductor.last("update_aggregate") == UpdateAggregate(
        id=1, name="quick", metadata={"availability_zone": None}
    )
    ask(client, "PUT", "/1", {"aggregate": {"name": "quick"}})
    assert conductor.last("update_aggregate").metadata == {}


def test_hosts_come_and_go(client: Client, conductor: FakeConductor) -> None:
    added = act(client, "add_host", {"host": "compute-2"})
    assert added.status_code == 200
    assert added.json["aggregate"]["hosts"] == ["compute-1", "compute-2"]
    assert conductor.last("add_aggregate_host") == AggregateMember(id=1, host="compute-2")
    removed = act(client, "remove_host", {"host": "compute-1"})
    assert removed.json["aggregate"]["hosts"] == ["compute-2"]


def test_metadata_is_set_and_dropped(client: Client) -> None:
    changed = act(client, "set_metadata", {"metadata": {"ssd": None, "gpu": "yes"}})
    assert changed.json["aggregate"]["metadata"] == {"availability_zone": "east", "gpu": "yes"}


@pytest.mark.parametrize("number", [2, 2**31 - 1, 2**31, 10**70])
def test_unknown_ones_are_not_found(client: Client, number: int) -> None:
    for method in ("GET", "DELETE"):
        assert ask(client, method, f"/{number}").status_code == 404
    assert act(client, "add_host", {"host": "x"}, str(number)).status_code == 404


def test_is_deleted(client: Client) -> None:
    gone = ask(client, "DELETE", "/1")
    assert (gone.status_code, gone.text) == (200, "")
    assert ask(client, "GET", "/1").status_code == 404


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"name": ""},
        {"name": " x"},
        {"name": "x" * 256},
        {"name": 5},
        {"name": "x", "availability_zone": "a:b"},
        {"name": "x", "availability_zone": ""},
        {"name": "x", "hosts": []},
    ],
)
def test_refuses_new_ones(client: Client, conductor: FakeConductor, fields: dict[str, Any]) -> None:
    assert ask(client, "POST", body={"aggregate": fields}).status_code == 400
    assert conductor.asked == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/1", {"aggregate": {}}),
        ("PUT", "/1", {"aggregate": {"name": "   "}}),
        ("PUT", "/1", {"aggregate": {"name": "x", "metadata": {}}}),
        ("PUT", "/one", {"aggregate": {"name": "x"}}),
        ("GET", "/one", None),
        ("GET", "/-1", None),
        ("DELETE", "/one", None),
        ("POST", "/1/action", {"add_host": {}}),
        ("POST", "/1/action", {"add_host": {"host": "a b"}}),
        ("POST", "/1/action", {"add_host": {"host": "a"}, "remove_host": {"host": "a"}}),
        ("POST", "/one/action", {"add_host": {"host": "a"}}),
        ("POST", "/1/action", {"set_metadata": {}}),
        ("POST", "/1/action", {"set_metadata": {"metadata": {"k": 1}}}),
        ("POST", "/1/action", {"set_metadata": {"metadata": {"k": "v" * 256}}}),
        ("POST", "/1/action", {"set_metadata": {"metadata": {"k" * 256: "v"}}}),
        ("POST", "/1/action", {"explode": {}}),
    ],
)
def test_refuses_requests(
    client: Client, conductor: FakeConductor, method: str, path: str, body: Any
) -> None:
    assert ask(client, method, path, body).status_code == 400
    assert conductor.asked == []


def test_images_are_cached_since_2_81(client: Client, conductor: FakeConductor) -> None:
    body = {"cache": [{"id": SERVER_ID}, {"id": FAST.uuid}]}
    assert ask(client, "POST", "/1/images", body, version="2.80").status_code == 404
    asked = ask(client, "POST", "/1/images", body, version="2.81")
    assert (asked.status_code, asked.text) == (202, "")
    assert conductor.last("cache_aggregate_images") == CacheAggregateImages(
        id=1, image_ids=(SERVER_ID, FAST.uuid)
    )
    assert ask(client, "POST", "/2/images", body).status_code == 404
    assert client.ask("POST", "/os-aggregates/1/images", body).status_code == 403


@pytest.mark.parametrize("cache", [None, [], [{}], [{"id": "x"}], [{"id": SERVER_ID, "n": 1}]])
def test_refuses_images(client: Client, conductor: FakeConductor, cache: Any) -> None:
    assert ask(client, "POST", "/1/images", {"cache": cache}).status_code == 400
    assert conductor.asked == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("gone"), 404),
        (AlreadyExists("there"), 409),
        (Conflict("elsewhere"), 409),
        (Invalid("occupied"), 400),
    ],
)
def test_says_why_not(
    client: Client, conductor: FakeConductor, error: Exception, status: int
) -> None:
    conductor.error = error
    answer = act(client, "add_host", {"host": "x"})
    assert answer.status_code == status
    assert str(error) in answer.text
