from __future__ import annotations

import pytest

from nova_clone.api import history
from tests.unit.api.builders import PROJECT
from tests.unit.api.conftest import Client, an_api
from tests.unit.api.fake_conductor import FakeConductor

BASE = "http://falconframework.org"


def test_history_has_no_gaps() -> None:
    assert [version for version, _ in history.HISTORY] == [f"2.{n}" for n in range(1, 105)]
    assert len({sentence for _, sentence in history.HISTORY}) == len(history.HISTORY)
    assert (str(history.MIN), str(history.MAX)) == ("2.1", "2.104")


def test_root_lists_versions_to_anybody(client: Client) -> None:
    result = client.simulate_get("/")
    assert result.status_code == 200
    assert result.json == {
        "versions": [
            {
                "id": "v2.0",
                "status": "DEPRECATED",
                "version": "",
                "min_version": "",
                "updated": "2011-01-21T11:33:21Z",
                "links": [{"rel": "self", "href": f"{BASE}/v2/"}],
            },
            {
                "id": "v2.1",
                "status": "CURRENT",
                "version": "2.104",
                "min_version": "2.1",
                "updated": "2013-07-23T11:33:21Z",
                "links": [{"rel": "self", "href": f"{BASE}/v2.1/"}],
            },
        ]
    }


@pytest.mark.parametrize(
    ("path", "version_id"),
    [("/v2", "v2.0"), ("/v2/", "v2.0"), ("/v2.1", "v2.1"), ("/v2.1/", "v2.1")],
)
def test_documents_need_no_token(client: Client, path: str, version_id: str) -> None:
    result = client.simulate_get(path)
    assert result.status_code == 200
    assert result.json["version"]["id"] == version_id
    assert result.json["version"]["links"][0]["href"] == f"{BASE}{path.rstrip('/')}/"


def test_a_document_by_its_name(client: Client) -> None:
    assert client.get("/versions/v2.0").json["version"]["id"] == "v2.0"
    assert client.get(f"/{PROJECT}/versions/v2.1").json == client.get("/versions/v2.1").json
    assert client.get("/versions/v3").status_code == 404


def test_other_paths_get_choices(client: Client) -> None:
    result = client.simulate_get("/servers/x y")
    assert result.status_code == 300
    found = [choice["links"][0]["href"] for choice in result.json["choices"]]
    assert found == [f"{BASE}/v2/servers/x%20y", f"{BASE}/v2.1/servers/x%20y"]


def test_links_may_begin_elsewhere(conductor: FakeConductor) -> None:
    client = Client(an_api(conductor, compute_link_prefix="https://cloud.example/compute"))
    root = client.simulate_get("/").json["versions"][1]["links"][0]["href"]
    assert root == "https://cloud.example/compute/v2.1/"
    (server,) = client.get("/servers").json["servers"]
    assert server["links"][0]["href"].startswith("https://cloud.example/compute/v2.1/servers/")


@pytest.mark.parametrize(
    ("version", "status"), [("2.105", 406), ("1.0", 406), ("two", 400), ("2.104", 200)]
)
def test_versions_are_negotiated(client: Client, version: str, status: int) -> None:
    assert client.get("/servers", version=version).status_code == status


def test_an_older_default(client: Client) -> None:
    result = client.get("/servers", version=None)
    assert result.headers["openstack-api-version"] == "compute 2.1"
    assert result.headers["x-openstack-nova-api-version"] == "2.1"


def test_the_legacy_endpoint_is_lenient(client: Client, conductor: FakeConductor) -> None:
    body = {"server": {"name": " a ", "flavorRef": "1", "imageRef": "", "odd": 1}}
    headers = {"X-Auth-Token": f"ann:{PROJECT}"}
    result = client.simulate_post("/v2/servers", json=body, headers=headers)
    assert result.status_code == 202
    assert conductor.last("create_servers").name == "a"


def test_extensions(client: Client) -> None:
    listed = client.get("/extensions").json["extensions"]
    assert {"OS-DCF", "os-keypairs"} <= {extension["alias"] for extension in listed}
    assert client.get("/extensions/OS-DCF").json["extension"]["name"] == "DiskConfig"
    assert client.get("/extensions/odd").status_code == 404
