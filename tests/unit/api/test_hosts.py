from __future__ import annotations

from typing import Any

import pytest

from nova_clone.contracts.hosts import UpdateService
from tests.unit.api.builders import PROJECT, SERVER_ID, a_hypervisor, a_service
from tests.unit.api.conftest import ADMIN, Client
from tests.unit.api.fake_conductor import FakeConductor

SERVICE = a_service()
HYPERVISOR = a_hypervisor()
OTHER_ID = "c1e43b5f-eec1-44e0-9f10-7b4945c0226d"


@pytest.fixture(autouse=True)
def hosts(conductor: FakeConductor) -> None:
    conductor.add(
        SERVICE,
        HYPERVISOR,
        a_service(
            id="f81d66a4-ddd3-4aba-8a84-171d1cb4d339",
            number=4,
            binary="nova-conductor",
            host="control",
            availability_zone="internal",
        ),
        a_service(id="a81d66a4-ddd3-4aba-8a84-171d1cb4d339", number=5, binary="nova-metadata"),
    )


@pytest.mark.parametrize(
    "path",
    [
        "/os-services",
        "/os-hypervisors",
        "/os-hypervisors/detail",
        f"/os-hypervisors/{HYPERVISOR.id}",
        "/os-availability-zone/detail",
    ],
)
def test_hosts_are_for_admins(client: Client, conductor: FakeConductor, path: str) -> None:
    assert client.get(path).status_code == 403
    assert conductor.asked == []


class TestServices:
    def put(self, client: Client, what: str, body: Any, **options: Any) -> Any:
        return client.ask("PUT", f"/os-services/{what}", body, token=ADMIN, **options)

    def test_are_listed(self, client: Client) -> None:
        found = client.get("/os-services", token=ADMIN).json["services"]
        assert [service["binary"] for service in found] == ["nova-compute", "nova-conductor"]
        found = client.get("/os-services?binary=nova-conductor", token=ADMIN).json["services"]
        assert [service["zone"] for service in found] == ["internal"]

    @pytest.mark.parametrize(
        ("verb", "extra", "shown"),
        [
            ("enable", {}, {"status": "enabled"}),
            ("disable", {}, {"status": "disabled"}),
            (
                "disable-log-reason",
                {"disabled_reason": "broken"},
                {"status": "disabled", "disabled_reason": "broken"},
            ),
            ("force-down", {"forced_down": "true"}, {"forced_down": True}),
        ],
    )
    def test_are_changed_by_name_until_2_52(
        self, client: Client, verb: str, extra: dict[str, Any], shown: dict[str, Any]
    ) -> None:
        body = {"host": "compute-1", "binary": "nova-compute", **extra}
        result = self.put(client, verb, body, version="2.52")
        assert result.json["service"] == {
            "host": "compute-1",
            "binary": "nova-compute",
            **shown,
        }

    @pytest.mark.parametrize(
        ("verb", "body", "version", "status"),
        [
            ("explode", {"host": "compute-1", "binary": "nova-compute"}, "2.52", 404),
            ("force-down", {"host": "compute-1", "binary": "nova-compute"}, "2.10", 404),
            ("force-down", {"host": "compute-1", "binary": "nova-compute"}, "2.11", 400),
            ("disable-log-reason", {"host": "compute-1", "binary": "nova-compute"}, "2.1", 400),
            ("enable", {"host": "compute-1"}, "2.1", 400),
            ("enable", {"host": "compute-9", "binary": "nova-compute"}, "2.1", 404),
        ],
    )
    def test_refuses_by_name(
        self, client: Client, verb: str, body: Any, version: str, status: int
    ) -> None:
        assert self.put(client, verb, body, version=version).status_code == status

    def test_are_changed_by_id_since_2_53(self, client: Client, conductor: FakeConductor) -> None:
        body = {"status": "disabled", "disabled_reason": "broken", "forced_down": True}
        shown = self.put(client, SERVICE.id, body).json["service"]
        assert (shown["status"], shown["disabled_reason"]) == ("disabled", "broken")
        assert conductor.last("update_service") == UpdateService(
            id=SERVICE.id, disabled=True, disabled_reason="broken", forced_down=True
        )

    @pytest.mark.parametrize(
        ("service_id", "body", "status"),
        [
            (SERVICE.id, {}, 400),
            (SERVICE.id, {"disabled_reason": "x"}, 400),
            (SERVICE.id, {"status": "enabled", "disabled_reason": "x"}, 400),
            (SERVICE.id, {"status": "odd"}, 400),
            ("enable", {"status": "enabled"}, 400),
            (OTHER_ID, {"status": "enabled"}, 404),
            ("f81d66a4-ddd3-4aba-8a84-171d1cb4d339", {"status": "enabled"}, 400),
        ],
    )
    def test_refuses_by_id(self, client: Client, service_id: str, body: Any, status: int) -> None:
        assert self.put(client, service_id, body).status_code == status

    @pytest.mark.parametrize(
        ("service_id", "version", "status"),
        [
            (SERVICE.id, "2.53", 204),
            ("3", "2.52", 204),
            ("3", "2.53", 400),
            (SERVICE.id, "2.52", 400),
            (OTHER_ID, "2.53", 404),
        ],
    )
    def test_are_deleted(self, client: Client, service_id: str, version: str, status: int) -> None:
        path = f"/os-services/{service_id}"
        assert client.ask("DELETE", path, token=ADMIN, version=version).status_code == status


class TestHypervisors:
    def get(self, client: Client, path: str, version: str = "latest") -> Any:
        return client.get(f"/os-hypervisors{path}", token=ADMIN, version=version)

    def test_one_by_number_and_by_uuid(self, client: Client) -> None:
        assert self.get(client, "/2", "2.52").json["hypervisor"]["id"] == 2
        assert self.get(client, f"/{HYPERVISOR.id}").json["hypervisor"]["id"] == HYPERVISOR.id
        assert self.get(client, "/2").status_code == 400
        assert self.get(client, f"/{HYPERVISOR.id}", "2.52").status_code == 404
        assert self.get(client, f"/{OTHER_ID}").status_code == 404
        assert self.get(client, "/99", "2.1").status_code == 404

    def test_with_their_servers(self, client: Client) -> None:
        path = f"/{HYPERVISOR.id}?with_servers=1"
        shown = self.get(client, path).json["hypervisor"]["servers"]
        assert shown == [{"uuid": SERVER_ID, "name": "first"}]

    def test_no_servers_show_since_2_75(self, client: Client, conductor: FakeConductor) -> None:
        conductor.servers.clear()
        path = f"/{HYPERVISOR.id}?with_servers=1"
        assert self.get(client, path).json["hypervisor"]["servers"] == []
        assert "servers" not in self.get(client, path, "2.74").json["hypervisor"]

    def test_search_by_name(self, client: Client) -> None:
        assert len(self.get(client, "/compute/search", "2.52").json["hypervisors"]) == 1
        servers = self.get(client, "/compute/servers", "2.52").json["hypervisors"][0]["servers"]
        assert servers == [{"uuid": SERVER_ID, "name": "first"}]
        assert self.get(client, "/none/search", "2.52").status_code == 404
        assert self.get(client, "/compute/search", "2.53").status_code == 404
        pattern = "?hypervisor_hostname_pattern="
        assert len(self.get(client, f"{pattern}compute").json["hypervisors"]) == 1
        assert self.get(client, f"{pattern}none").status_code == 404
        assert self.get(client, f"{pattern}compute&limit=1").status_code == 400

    def test_uptime_until_2_87(self, client: Client, conductor: FakeConductor) -> None:
        path = f"/{HYPERVISOR.id}/uptime"
        assert self.get(client, path, "2.87").json["hypervisor"]["uptime"] == HYPERVISOR.uptime
        assert self.get(client, path, "2.88").status_code == 404
        conductor.add(a_hypervisor(uptime=None))
        assert self.get(client, path, "2.87").status_code == 501
        conductor.add(a_hypervisor(service=a_service(up=False)))
        assert self.get(client, path, "2.87").status_code == 400

    def test_statistics_leave_out_disabled_ones(
        self, client: Client, conductor: FakeConductor
    ) -> None:
        conductor.add(a_hypervisor(id=OTHER_ID, service=a_service(disabled=True)))
        found = self.get(client, "/statistics", "2.87").json["hypervisor_statistics"]
        assert (found["count"], found["vcpus"]) == (1, 8)
        assert self.get(client, "/statistics", "2.88").status_code == 404

    def test_pages_since_2_33(self, client: Client, conductor: FakeConductor) -> None:
        conductor.add(a_hypervisor(id=OTHER_ID, number=9))
        assert len(self.get(client, "?limit=1", "2.32").json["hypervisors"]) == 2
        body = self.get(client, "/detail?limit=1").json
        link = body["hypervisors_links"][0]["href"]
        assert link.endswith(f"/os-hypervisors/detail?limit=1&marker={HYPERVISOR.id}")
        old = self.get(client, "?limit=1", "2.33").json["hypervisors_links"][0]["href"]
        assert old.endswith("marker=2")


class TestZones:
    def test_brief(self, client: Client) -> None:
        assert client.get("/os-availability-zone").json == {
            "availabilityZoneInfo": [
                {"zoneName": "nova", "zoneState": {"available": True}, "hosts": None}
            ]
        }

    def test_a_zone_of_disabled_hosts(self, client: Client, conductor: FakeConductor) -> None:
        conductor.services.clear()
        conductor.add(a_service(disabled=True))
        (zone,) = client.get("/os-availability-zone").json["availabilityZoneInfo"]
        assert zone["zoneState"] == {"available": False}

    def test_whole(self, client: Client) -> None:
        path = "/os-availability-zone/detail"
        zones = client.get(path, token=ADMIN).json["availabilityZoneInfo"]
        assert [zone["zoneName"] for zone in zones] == ["internal", "nova"]
        assert set(zones[0]["hosts"]) == {"control"}


class TestLimits:
    def test_of_the_own_project(self, client: Client, conductor: FakeConductor) -> None:
        absolute = client.get("/limits").json["limits"]["absolute"]
        assert (absolute["totalInstancesUsed"], absolute["maxTotalInstances"]) == (1, 10)
        assert client.get(f"/limits?tenant_id={PROJECT}").status_code == 200

    def test_of_another_project(self, client: Client, conductor: FakeConductor) -> None:
        assert client.get("/limits?tenant_id=other").status_code == 403
        assert client.get("/limits?tenant_id=other", token=ADMIN).status_code == 200
        assert conductor.last("limits").project_id == "other"

    def test_quota_sets(self, client: Client, conductor: FakeConductor) -> None:
        conductor.overrides[PROJECT] = {"instances": 3}
        path = f"/os-quota-sets/{PROJECT}"
        assert client.get(path).json["quota_set"]["instances"] == 3
        assert client.get(f"{path}/defaults").json["quota_set"]["instances"] == 10
        detail = client.get(f"{path}/detail").json["quota_set"]
        assert detail["instances"] == {"limit": 3, "in_use": 1, "reserved": 0}
        assert client.get("/os-quota-sets/other").status_code == 403
        assert client.get("/os-quota-sets/other/defaults").status_code == 200
