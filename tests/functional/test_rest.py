"""What users see through the REST API, with the SDK that they use."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openstack.exceptions
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openstack.connection import Connection

from tests.functional.rest import RestCloud, a_rest_cloud

pytestmark = [
    # What the SDK deprecates of its own, it may call only when it has to wait.
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::openstack.warnings.OpenStackDeprecationWarning"),
]
NOBODY = str(uuid.UUID(int=1))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestCloud]:
    directory: Path = tmp_path_factory.mktemp("rest")
    with a_rest_cloud(directory) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def red(running: RestCloud) -> Iterator[Connection]:
    connection = running.connect("red")
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def blue(running: RestCloud) -> Iterator[Connection]:
    connection = running.connect("blue")
    yield connection
    connection.close()


def wanted(connection: Connection, **changes: Any) -> dict[str, Any]:
    image = connection.image.find_image("tiny")
    network = connection.network.find_network("shared")
    return {
        "name": "first",
        "image_id": image.id,
        "flavor_id": "1",
        "networks": [{"uuid": network.id}],
        **changes,
    }


def test_a_server_is_made_used_and_deleted(red: Connection) -> None:
    server = red.compute.create_server(**wanted(red, metadata={"a": "b"}))
    server = red.compute.wait_for_server(server, wait=180, interval=0.1)
    assert server.status == "ACTIVE"
    assert server.metadata == {"a": "b"}
    (address,) = server.addresses["shared"]
    assert address["addr"].startswith("10.11.0.")
    assert [port.device_id for port in red.network.ports(device_id=server.id)] == [server.id]
    red.compute.stop_server(server)
    red.compute.wait_for_server(server, status="SHUTOFF", wait=180, interval=0.1)
    red.compute.start_server(server)
    red.compute.wait_for_server(server, wait=180, interval=0.1)
    red.compute.delete_server(server)
    red.compute.wait_for_delete(server, wait=180, interval=0.1)
    assert list(red.network.ports(device_id=server.id)) == []


def test_another_project_does_not_see_it(red: Connection, blue: Connection) -> None:
    server = red.compute.create_server(**wanted(red))
    red.compute.wait_for_server(server, wait=180, interval=0.1)
    assert [one.id for one in blue.compute.servers()] == []
    for attempt in (blue.compute.get_server, blue.compute.delete_server, blue.compute.stop_server):
        options = {"ignore_missing": False} if attempt == blue.compute.delete_server else {}
        with pytest.raises(openstack.exceptions.NotFoundException):
            attempt(server.id, **options)
    assert red.compute.get_server(server).status == "ACTIVE"
    red.compute.delete_server(server)
    red.compute.wait_for_delete(server, wait=180, interval=0.1)


def test_servers_of_a_group_are_kept_apart(red: Connection, blue: Connection) -> None:
    group = red.compute.create_server_group(name="apart", policy="anti-affinity")
    assert (group.policy, group.rules, group.member_ids) == ("anti-affinity", {}, [])
    servers = [
        red.compute.create_server(**wanted(red, scheduler_hints={"group": group.id}))
        for _ in range(2)
    ]
    seen = [red.compute.wait_for_server(server, wait=180, interval=0.1) for server in servers]
    assert len({server.host_id for server in seen}) == 2
    assert [server.server_groups for server in seen] == [[group.id]] * 2
    assert set(red.compute.get_server_group(group).member_ids) == {s.id for s in servers}
    assert [found.id for found in red.compute.server_groups()] == [group.id]
    assert list(blue.compute.server_groups()) == []
    assert blue.compute.find_server_group(group.id) is None
    with pytest.raises(openstack.exceptions.BadRequestException):
        blue.compute.create_server(**wanted(blue, scheduler_hints={"group": group.id}))
    for server in servers:
        red.compute.delete_server(server)
        red.compute.wait_for_delete(server, wait=180, interval=0.1)
    assert red.compute.get_server_group(group).member_ids == []
    red.compute.delete_server_group(group, ignore_missing=False)
    assert red.compute.find_server_group("apart") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"image_id": NOBODY},
        {"flavor_id": "no-such-flavor"},
        {"key_name": "no-such-key"},
        {"networks": [{"uuid": NOBODY}]},
        {"networks": [{"port": NOBODY}]},
        {"name": ""},
        {"name": "x" * 256},
        {"name": " blank"},
        {"availability_zone": "no-such-zone"},
        {"min_count": 2, "max_count": 1},
        {"max_count": 0},
        {"user_data": "not base64!"},
        {"metadata": {"k": "v" * 256}},
        {"surprise": True},
    ],
    ids=lambda changes: str(next(iter(changes.items())))[:40],
)
def test_bad_input_changes_nothing(red: Connection, changes: dict[str, Any]) -> None:
    body = wanted(red)
    server: dict[str, Any] = {
        "name": body["name"],
        "imageRef": body["image_id"],
        "flavorRef": body["flavor_id"],
        "networks": body["networks"],
    }
    renamed = {"image_id": "imageRef", "flavor_id": "flavorRef"}
    server |= {renamed.get(key, key): value for key, value in changes.items()}
    answer = red.compute.post("/servers", json={"server": server}, microversion="2.37")
    assert answer.status_code == 400, answer.text
    assert "badRequest" in answer.json()
    assert list(red.compute.servers()) == []
    assert red.compute.get_limits().absolute.instances_used == 0


def test_too_many_for_the_quota(red: Connection) -> None:
    body = wanted(red, min_count=1000, max_count=1000)
    with pytest.raises(openstack.exceptions.ForbiddenException):
        red.compute.create_server(**body)
    assert list(red.compute.servers()) == []


def test_a_token_is_needed(running: RestCloud, red: Connection) -> None:
    assert (
        red.session.get(f"{running.url}/servers", authenticated=False, raise_exc=False).status_code
        == 401
    )
    headers = {"X-Auth-Token": "nonsense"}
    answer = red.session.get(
        f"{running.url}/servers", authenticated=False, raise_exc=False, headers=headers
    )
    assert answer.status_code == 401


@pytest.mark.parametrize(("version", "status"), [("2.104", 200), ("2.105", 406), ("x", 400)])
def test_microversions(running: RestCloud, red: Connection, version: str, status: int) -> None:
    headers = {"OpenStack-API-Version": f"compute {version}"}
    answer = red.session.get(f"{running.url}/servers", headers=headers, raise_exc=False)
    assert answer.status_code == status


def test_no_room_tells_the_admin_why(running: RestCloud, red: Connection) -> None:
    admin = running.connect("admin")
    if admin.compute.find_flavor("huge") is None:
        admin.compute.create_flavor(id="9", name="huge", ram=50_000, vcpus=1, disk=700_000)
    server = red.compute.create_server(**wanted(red, flavor_id="9"))
    with pytest.raises(openstack.exceptions.ResourceFailure):
        red.compute.wait_for_server(server, wait=180, interval=0.1)
    seen = red.compute.get_server(server)
    assert seen.fault["message"].startswith("No valid host was found.")
    assert "details" not in seen.fault
    told = admin.compute.get_server(server.id)
    assert "DISK_GB" in told.fault["details"]
    assert "2 host(s)" in told.fault["details"]
    red.compute.delete_server(server)
    red.compute.wait_for_delete(server, wait=180, interval=0.1)
    admin.close()


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
FIELD = st.sampled_from(
    [
        "name",
        "imageRef",
        "flavorRef",
        "networks",
        "metadata",
        "key_name",
        "user_data",
        "availability_zone",
        "min_count",
        "max_count",
        "config_drive",
        "security_groups",
        "block_device_mapping_v2",
        "personality",
        "tags",
        "hostname",
        "accessIPv4",
    ]
)


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(field=FIELD, value=ANYTHING, version=st.sampled_from(["2.1", "2.37", "2.104"]))
def test_no_body_breaks_the_door(red: Connection, field: str, value: Any, version: str) -> None:
    server = {
        "name": "odd",
        "imageRef": str(uuid.UUID(int=0)),
        "flavorRef": "no-such-flavor",
        "networks": "none" if version != "2.1" else [],
        field: value,
    }
    answer = red.compute.post("/servers", json={"server": server}, microversion=version)
    assert answer.status_code in (400, 403, 404, 413), answer.text
