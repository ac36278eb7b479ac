from __future__ import annotations

import base64
import json
from typing import Any

import falcon.testing
import pytest

from nova_clone.api.metadata.app import build
from nova_clone.api.metadata.guests import signature
from nova_clone.api.metadata.settings import MetadataSettings
from nova_clone.domain.errors import Unavailable
from tests.unit.api.builders import PROJECT, PUBLIC_KEY, SERVER_ID, a_server
from tests.unit.api.fake_conductor import FakeConductor

SECRET = "between-us"
SETTINGS = MetadataSettings(proxied=True, shared_secret=SECRET, vendor_data={"motd": "hello"})


@pytest.fixture
def conductor() -> FakeConductor:
    conductor = FakeConductor()
    conductor.add(
        a_server(public_key=PUBLIC_KEY, user_data=base64.b64encode(b"#cloud-config").decode())
    )
    return conductor


@pytest.fixture
def guest(conductor: FakeConductor) -> falcon.testing.TestClient:
    return falcon.testing.TestClient(build(SETTINGS, conductor))  # type: ignore[arg-type]


def named(**changes: Any) -> dict[str, str]:
    server_id = changes.get("server_id", SERVER_ID)
    headers = {
        "X-Instance-ID": server_id,
        "X-Tenant-ID": changes.get("project", PROJECT),
        "X-Instance-ID-Signature": changes.get("signed", signature(SECRET, server_id)),
    }
    return {name: value for name, value in headers.items() if value is not None}


def get(guest: falcon.testing.TestClient, path: str, **changes: Any) -> falcon.testing.Result:
    return guest.simulate_get(path, headers=named(**changes))


class TestWhoAsks:
    def test_is_believed_when_signed(self, guest: falcon.testing.TestClient) -> None:
        assert get(guest, "/latest/meta-data/").status_code == 200

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"signed": None}, 403),
            ({"signed": "0" * 64}, 403),
            ({"signed": signature("other", SERVER_ID)}, 403),
            ({"signed": signature(SECRET, SERVER_ID)[:-1] + "x"}, 403),
            ({"signed": "\u00e9"}, 403),
            ({"project": "other"}, 404),
            ({"project": None}, 400),
            ({"server_id": "nothing"}, 404),
        ],
    )
    def test_is_not_believed_otherwise(
        self, guest: falcon.testing.TestClient, changes: dict[str, Any], status: int
    ) -> None:
        assert get(guest, "/latest/meta-data/", **changes).status_code == status

    def test_must_be_said(self, guest: falcon.testing.TestClient) -> None:
        assert guest.simulate_get("/latest/meta-data/").status_code == 400

    def test_another_project_learns_nothing_from_what_is_remembered(
        self, guest: falcon.testing.TestClient
    ) -> None:
        assert get(guest, "/latest/meta-data/").status_code == 200
        assert get(guest, "/latest/meta-data/", project="other").status_code == 404

    def test_is_remembered(
        self, guest: falcon.testing.TestClient, conductor: FakeConductor
    ) -> None:
        get(guest, "/latest/meta-data/")
        get(guest, "/latest/user-data")
        assert len(conductor.asked) == 1

    def test_waits_for_the_conductor(
        self, guest: falcon.testing.TestClient, conductor: FakeConductor
    ) -> None:
        conductor.error = Unavailable("amqp://user:secret@host")
        result = get(guest, "/latest/meta-data/")
        assert result.status_code == 503
        assert "secret" not in result.text


class TestTrees:
    def test_versions(self, guest: falcon.testing.TestClient) -> None:
        assert get(guest, "/").text.splitlines()[-2:] == ["2009-04-04", "latest"]
        assert get(guest, "/openstack").text.splitlines()[-1] == "latest"

    @pytest.mark.parametrize(
        ("path", "text"),
        [
            ("/latest", "meta-data/\nuser-data"),
            ("/2009-04-04/meta-data/local-ipv4", "10.0.0.5"),
            ("/2009-04-04/meta-data/public-ipv4", "172.24.4.9"),
            ("/latest/meta-data/instance-id", "i-00000001"),
            ("/latest/meta-data/public-keys/", "0=home"),
            ("/latest/meta-data/public-keys/0", "openssh-key"),
            ("/latest/meta-data/public-keys/0/openssh-key", PUBLIC_KEY),
            ("/latest/user-data", "#cloud-config"),
            ("/openstack/latest/user_data", "#cloud-config"),
        ],
    )
    def test_texts(self, guest: falcon.testing.TestClient, path: str, text: str) -> None:
        assert get(guest, path).text == text

    def test_listings_name_directories(self, guest: falcon.testing.TestClient) -> None:
        names = get(guest, "/latest/meta-data/").text.splitlines()
        assert {"public-keys/", "placement/", "hostname"} <= set(names)
        documents = get(guest, "/openstack/latest/").text.splitlines()
        assert {"meta_data.json", "network_data.json", "vendor_data.json"} <= set(documents)

    def test_documents(self, guest: falcon.testing.TestClient) -> None:
        result = get(guest, "/openstack/latest/meta_data.json")
        assert result.headers["content-type"].startswith("application/json")
        assert json.loads(result.text)["uuid"] == SERVER_ID
        assert get(guest, "/openstack/latest/vendor_data.json").json == {"motd": "hello"}
        (link,) = get(guest, "/openstack/latest/network_data.json").json["links"]
        assert link["ethernet_mac_address"] == "fa:16:3e:00:00:01"

    @pytest.mark.parametrize(
        "path",
        [
            "/latest/meta-data/nothing",
            "/1999-01-01/meta-data",
            "/openstack/1999-01-01/meta_data.json",
            "/openstack/2012-08-10/network_data.json",
            "/openstack/content/0000",
            "/openstack/latest/../../etc/passwd",
            "/nothing",
        ],
    )
    def test_nothing_else(self, guest: falcon.testing.TestClient, path: str) -> None:
        assert get(guest, path).status_code == 404

    def test_only_reads(self, guest: falcon.testing.TestClient) -> None:
        result = guest.simulate_post("/openstack/latest/password", headers=named())
        assert result.status_code == 405
