from __future__ import annotations

from typing import Any

import pytest

from nova_clone.contracts.flavors import FlavorQuery
from tests.unit.api.builders import PROJECT, a_flavor
from tests.unit.api.conftest import ADMIN, STRANGER, Client
from tests.unit.api.fake_conductor import FakeConductor


def a_body(**changes: Any) -> dict[str, Any]:
    return {"flavor": {"name": "m1.new", "ram": 128, "vcpus": "1", "disk": 1, **changes}}


def asked(conductor: FakeConductor) -> FlavorQuery:
    query = conductor.last("list_flavors")
    assert isinstance(query, FlavorQuery)
    return query


class TestList:
    @pytest.mark.parametrize(
        ("query", "public", "all_projects"),
        [
            ("", None, False),
            ("is_public=true", None, False),
            ("is_public=0", False, True),
            ("is_public=None", None, True),
        ],
    )
    def test_admins_choose_what_is_listed(
        self,
        client: Client,
        conductor: FakeConductor,
        query: str,
        public: bool | None,
        all_projects: bool,
    ) -> None:
        client.get(f"/flavors?{query}", token=ADMIN)
        assert (asked(conductor).public, asked(conductor).all_projects) == (public, all_projects)

    def test_others_do_not(self, client: Client, conductor: FakeConductor) -> None:
        client.get("/flavors?is_public=none")
        assert asked(conductor).all_projects is False

    def test_passes_filters_and_order(self, client: Client, conductor: FakeConductor) -> None:
        client.get("/flavors/detail?minRam=64&minDisk=1&sort_key=vcpus&sort_dir=desc&name=m1")
        query = asked(conductor)
        assert (query.min_ram, query.min_disk, query.name) == (64, 1, "m1")
        assert (query.sort_key, query.sort_dir) == ("vcpus", "desc")

    @pytest.mark.parametrize(
        "query",
        ["minRam=x", "minDisk=-1", "sort_key=odd", "sort_dir=up", "limit=x", "odd=1", "name=("],
    )
    def test_refuses(self, client: Client, query: str) -> None:
        assert client.get(f"/flavors?{query}").status_code == 400

    def test_refuses_an_odd_publicity(self, client: Client) -> None:
        assert client.get("/flavors?is_public=odd", token=ADMIN).status_code == 400

    def test_sort_keys_that_2_102_took_away(self, client: Client) -> None:
        path = "/flavors?sort_key=rxtx_factor"
        assert client.get(path, version="2.101").status_code == 200
        assert client.get(path, version="2.102").status_code == 400

    def test_pages(self, client: Client, conductor: FakeConductor) -> None:
        conductor.add(a_flavor(id="2"))
        body = client.get("/flavors?limit=1").json
        assert body["flavors_links"][0]["href"].endswith("/v2.1/flavors?limit=1&marker=1")
        assert client.get("/flavors?limit=0").json == {"flavors": []}


class TestManage:
    def test_creates(self, client: Client, conductor: FakeConductor) -> None:
        result = client.ask("POST", "/flavors", a_body(description="why"), token=ADMIN)
        assert result.status_code == 200
        assert result.json["flavor"]["description"] == "why"
        assert result.json["flavor"]["id"]
        made = conductor.last("create_flavor").flavor
        assert (made.id, made.vcpus, made.public) == ("", 1, True)

    @pytest.mark.parametrize("flavor_id", [7, "7", "a b.c_d-e"])
    def test_takes_ids(self, client: Client, flavor_id: Any) -> None:
        result = client.ask("POST", "/flavors", a_body(id=flavor_id), token=ADMIN)
        assert result.json["flavor"]["id"] == str(flavor_id)

    @pytest.mark.parametrize(
        "changes",
        [
            {"id": " 7"},
            {"id": "7/8"},
            {"ram": 0},
            {"vcpus": "x"},
            {"disk": -1},
            {"swap": 2**31},
            {"name": ""},
            {"odd": 1},
            {"rxtx_factor": 1.0},
        ],
        ids=str,
    )
    def test_refuses(self, client: Client, changes: dict[str, Any]) -> None:
        assert client.ask("POST", "/flavors", a_body(**changes), token=ADMIN).status_code == 400

    @pytest.mark.parametrize("factor", [0, "0.0", -1, "x"])
    def test_refuses_factors(self, client: Client, factor: Any) -> None:
        body = a_body(rxtx_factor=factor)
        result = client.ask("POST", "/flavors", body, token=ADMIN, version="2.1")
        assert result.status_code == 400

    def test_is_not_for_everybody(self, client: Client, conductor: FakeConductor) -> None:
        assert client.ask("POST", "/flavors", a_body()).status_code == 403
        assert client.ask("DELETE", "/flavors/1").status_code == 403
        assert client.ask("PUT", "/flavors/1", {"flavor": {"description": ""}}).status_code == 403
        assert conductor.asked == []

    def test_a_taken_id(self, client: Client) -> None:
        assert client.ask("POST", "/flavors", a_body(id="1"), token=ADMIN).status_code == 409

    def test_describes_since_2_55(self, client: Client) -> None:
        body = {"flavor": {"description": None}}
        old = client.ask("PUT", "/flavors/1", body, token=ADMIN, version="2.54")
        new = client.ask("PUT", "/flavors/1", body, token=ADMIN, version="2.55")
        assert (old.status_code, new.status_code) == (404, 200)
        assert new.json["flavor"]["description"] is None

    def test_deletes(self, client: Client, conductor: FakeConductor) -> None:
        assert client.ask("DELETE", "/flavors/1", token=ADMIN).status_code == 202
        assert client.ask("DELETE", "/flavors/1", token=ADMIN).status_code == 404


class TestExtraSpecs:
    PATH = "/flavors/1/os-extra_specs"

    def test_can_be_read(self, client: Client) -> None:
        assert client.get(self.PATH).json == {"extra_specs": {"hw:cpu_policy": "shared"}}
        assert client.get(f"{self.PATH}/hw:cpu_policy").json == {"hw:cpu_policy": "shared"}
        assert client.get(f"{self.PATH}/other").status_code == 404

    def test_can_be_set(self, client: Client, conductor: FakeConductor) -> None:
        body = {"extra_specs": {"a": 1, "b": "x"}}
        result = client.ask("POST", self.PATH, body, token=ADMIN)
        assert result.json == {"extra_specs": {"a": "1", "b": "x"}}
        result = client.ask("PUT", f"{self.PATH}/a", {"a": "2"}, token=ADMIN)
        assert result.json == {"a": "2"}
        assert conductor.flavors["1"].extra_specs["a"] == "2"

    def test_can_be_deleted(self, client: Client, conductor: FakeConductor) -> None:
        path = f"{self.PATH}/hw:cpu_policy"
        assert client.ask("DELETE", path).status_code == 403
        assert client.ask("DELETE", path, token=ADMIN).status_code == 200
        assert conductor.flavors["1"].extra_specs == {}

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", PATH, {"extra_specs": {"a/b": "1"}}),
            ("POST", PATH, {"extra_specs": {"a": None}}),
            ("PUT", f"{PATH}/a", {"b": "1"}),
            ("PUT", f"{PATH}/a", {"a": "1", "b": "1"}),
            ("PUT", f"{PATH}/a", {}),
        ],
    )
    def test_refuses(self, client: Client, method: str, path: str, body: Any) -> None:
        assert client.ask(method, path, body, token=ADMIN).status_code == 400


class TestAccess:
    @pytest.fixture(autouse=True)
    def private_flavor(self, conductor: FakeConductor) -> None:
        conductor.add(a_flavor(id="p", public=False))

    def change(self, client: Client, name: str, **options: Any) -> Any:
        options = {"token": ADMIN} | options
        body = {name: {"tenant": PROJECT}}
        flavor = options.pop("flavor", "p")
        return client.ask("POST", f"/flavors/{flavor}/action", body, **options)

    def test_is_granted_and_taken(self, client: Client) -> None:
        granted = {"flavor_access": [{"flavor_id": "p", "tenant_id": PROJECT}]}
        assert client.get("/flavors/p").status_code == 404
        assert self.change(client, "addTenantAccess").json == granted
        assert client.get("/flavors/p").status_code == 200
        assert client.get("/flavors/p", token=STRANGER).status_code == 404
        assert client.get("/flavors/p/os-flavor-access", token=ADMIN).json == granted
        assert self.change(client, "addTenantAccess").status_code == 409
        assert self.change(client, "removeTenantAccess").json == {"flavor_access": []}
        assert self.change(client, "removeTenantAccess").status_code == 404

    def test_is_nothing_for_public_flavors(self, client: Client) -> None:
        assert client.get("/flavors/1/os-flavor-access", token=ADMIN).status_code == 404
        assert self.change(client, "addTenantAccess", flavor="1").status_code == 409
        old = self.change(client, "addTenantAccess", flavor="1", version="2.6")
        assert old.status_code == 200

    def test_is_for_admins(self, client: Client) -> None:
        assert self.change(client, "addTenantAccess", token=STRANGER).status_code == 403
        assert client.get("/flavors/p/os-flavor-access").status_code == 403
