from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from nova_clone.domain.action import Action
from nova_clone.domain.block_device import BlockDevice
from tests.unit.api.builders import (
    MADE,
    PORT_ID,
    PROJECT,
    SERVER_ID,
    USER,
    a_server,
)
from tests.unit.api.conftest import ADMIN, STRANGER, Client
from tests.unit.api.fake_conductor import FakeConductor

SERVER = f"/servers/{SERVER_ID}"


@pytest.mark.parametrize(
    "path",
    [
        "/ips",
        "/ips/private",
        "/metadata",
        "/metadata/role",
        "/os-instance-actions",
        "/os-instance-actions/req-1",
        "/os-interface",
        f"/os-interface/{PORT_ID}",
        "/os-volume_attachments",
        "/os-volume_attachments/v",
    ],
)
def test_other_projects_find_nothing(client: Client, path: str) -> None:
    assert client.get(SERVER + path, token=STRANGER).status_code == 404


def test_nobody_ignores_unknown_parameters_since_2_102(client: Client) -> None:
    for path in ("", "/ips", "/metadata", "/os-interface"):
        assert client.get(f"{SERVER}{path}?odd=1", version="2.101").status_code == 200
        assert client.get(f"{SERVER}{path}?odd=1", version="2.102").status_code == 400


class TestMetadata:
    PATH = f"{SERVER}/metadata"

    def test_is_read(self, client: Client) -> None:
        assert client.get(self.PATH).json == {"metadata": {"role": "db"}}
        assert client.get(f"{self.PATH}/role").json == {"meta": {"role": "db"}}
        assert client.get(f"{self.PATH}/other").status_code == 404

    def test_is_added_to(self, client: Client) -> None:
        result = client.ask("POST", self.PATH, {"metadata": {"a": "1"}})
        assert result.json == {"metadata": {"role": "db", "a": "1"}}

    def test_is_replaced(self, client: Client) -> None:
        result = client.ask("PUT", self.PATH, {"metadata": {"a": "1"}})
        assert result.json == {"metadata": {"a": "1"}}

    def test_items_are_set_and_deleted(self, client: Client, conductor: FakeConductor) -> None:
        path = f"{self.PATH}/a"
        assert client.ask("PUT", path, {"meta": {"a": "1"}}).json == {"meta": {"a": "1"}}
        assert client.ask("DELETE", path).status_code == 204
        assert client.ask("DELETE", path).status_code == 404
        assert conductor.servers[SERVER_ID].metadata == {"role": "db"}

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", PATH, {}),
            ("POST", PATH, {"metadata": {"a": 1}}),
            ("PUT", PATH, {"metadata": {"a/b": "1"}}),
            ("PUT", f"{PATH}/a", {"meta": {"b": "1"}}),
            ("PUT", f"{PATH}/a", {"meta": {}}),
            ("PUT", f"{PATH}/a", {"meta": {"a": "1", "b": "2"}}),
        ],
    )
    def test_refuses(self, client: Client, method: str, path: str, body: Any) -> None:
        assert client.ask(method, path, body).status_code == 400

    def test_readers_change_nothing(self, client: Client) -> None:
        body = {"metadata": {"a": "1"}}
        assert client.ask("POST", self.PATH, body, roles="reader").status_code == 403
        assert client.get(self.PATH, roles="reader").status_code == 200


class TestNetwork:
    def test_addresses(self, client: Client) -> None:
        private = [{"version": 4, "addr": "10.0.0.5"}, {"version": 4, "addr": "172.24.4.9"}]
        assert client.get(f"{SERVER}/ips").json == {"addresses": {"private": private}}
        assert client.get(f"{SERVER}/ips/private").json == {"private": private}
        assert client.get(f"{SERVER}/ips/other").status_code == 404

    def test_interfaces(self, client: Client) -> None:
        (interface,) = client.get(f"{SERVER}/os-interface").json["interfaceAttachments"]
        assert interface["port_id"] == PORT_ID
        shown = client.get(f"{SERVER}/os-interface/{PORT_ID}").json["interfaceAttachment"]
        assert shown == interface
        assert client.get(f"{SERVER}/os-interface/other").status_code == 404


def test_volumes(client: Client, conductor: FakeConductor) -> None:
    disks = tuple(
        BlockDevice(id=f"b{n}", source="volume", destination="volume", volume_id=f"v{n}")
        for n in range(3)
    )
    conductor.add(a_server(block_devices=(BlockDevice(id="root"), *disks)))
    path = f"{SERVER}/os-volume_attachments"
    found = client.get(f"{path}?offset=1&limit=1").json["volumeAttachments"]
    assert [one["volumeId"] for one in found] == ["v1"]
    assert len(client.get(f"{path}?limit=0").json["volumeAttachments"]) == 3
    shown = client.get(f"{path}/v2").json["volumeAttachment"]
    assert (shown["volumeId"], "device" in shown) == ("v2", False)
    assert client.get(f"{path}/v9").status_code == 404


class TestActions:
    PATH = f"{SERVER}/os-instance-actions"

    @pytest.fixture(autouse=True)
    def actions(self, conductor: FakeConductor) -> None:
        conductor.actions = [
            Action(
                server_id=SERVER_ID,
                action=name,
                request_id=f"req-{name}",
                user_id=USER,
                project_id=PROJECT,
                start_time=MADE + dt.timedelta(minutes=minute),
            )
            for minute, name in enumerate(("stop", "create"))
        ]

    def test_are_listed_by_pages_since_2_58(self, client: Client) -> None:
        body = client.get(f"{self.PATH}?limit=1").json
        assert [action["action"] for action in body["instanceActions"]] == ["stop"]
        assert body["links"][0]["href"].endswith("os-instance-actions?limit=1&marker=req-stop")
        old = client.get(f"{self.PATH}?limit=1", version="2.57")
        assert len(old.json["instanceActions"]) == 2
        assert client.get(f"{self.PATH}?odd=1", version="2.58").status_code == 400

    def test_are_filtered_by_time(self, client: Client, conductor: FakeConductor) -> None:
        since, before = "changes-since=2026-01-02T00:00:00Z", "changes-before=2026-01-01"
        assert client.get(f"{self.PATH}?{since}").status_code == 200
        assert conductor.last("list_actions").changed_since.day == 2
        assert client.get(f"{self.PATH}?{since}&{before}").status_code == 400
        assert client.get(f"{self.PATH}?{before}", version="2.65").status_code == 400

    def test_one(self, client: Client) -> None:
        shown = client.get(f"{self.PATH}/req-stop").json["instanceAction"]
        assert (shown["action"], shown["events"]) == ("stop", [])
        assert client.get(f"{self.PATH}/req-other").status_code == 404

    def test_of_deleted_servers_since_2_21(self, client: Client, conductor: FakeConductor) -> None:
        conductor.add(a_server(deleted=True))
        assert client.get(self.PATH, version="2.20").status_code == 404
        assert client.get(self.PATH, version="2.21").status_code == 200
        assert client.get(self.PATH, version="2.21", token=ADMIN).status_code == 200
        assert client.get(self.PATH, version="2.21", token=STRANGER).status_code == 404
