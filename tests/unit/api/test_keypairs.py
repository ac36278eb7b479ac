from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from nova_clone.api.keypairs import keys
from tests.unit.api.builders import PUBLIC_KEY, USER, a_keypair
from tests.unit.api.conftest import ADMIN, STRANGER, Client
from tests.unit.api.fake_conductor import FakeConductor

#: What ``ssh-keygen -E md5 -lf`` says of PUBLIC_KEY.
FINGERPRINT = "85:6c:ef:1a:47:ec:17:32:98:57:14:2d:6e:49:75:e3"


def create(client: Client, version: str = "latest", **fields: Any) -> Any:
    body = {"keypair": {"name": "home", **fields}}
    return client.ask("POST", "/os-keypairs", body, version=version)


def test_keeps_a_public_key(client: Client, conductor: FakeConductor) -> None:
    result = create(client, public_key=PUBLIC_KEY)
    assert result.status_code == 201
    assert result.json["keypair"] == {
        "name": "home",
        "public_key": PUBLIC_KEY,
        "fingerprint": FINGERPRINT,
        "type": "ssh",
        "user_id": USER,
    }
    assert create(client, public_key=PUBLIC_KEY).status_code == 409


def test_answered_200_before_2_2(client: Client) -> None:
    assert create(client, "2.1", public_key=PUBLIC_KEY).status_code == 200
    assert client.ask("DELETE", "/os-keypairs/home", version="2.1").status_code == 202


def test_makes_keys_until_2_91(client: Client, conductor: FakeConductor) -> None:
    assert create(client, "2.92").status_code == 400
    made = create(client, "2.91").json["keypair"]
    private = serialization.load_pem_private_key(made["private_key"].encode(), password=None)
    public = private.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    assert made["public_key"].startswith(public.decode())
    assert "PRIVATE" not in repr(conductor.keypairs)


def test_makes_certificates(client: Client) -> None:
    made = create(client, "2.91", type="x509").json["keypair"]
    certificate = x509.load_pem_x509_certificate(made["public_key"].encode())
    private = serialization.load_pem_private_key(made["private_key"].encode(), password=None)
    assert certificate.public_key() == private.public_key()
    kept = create(client, type="x509", name="kept", public_key=made["public_key"])
    assert kept.json["keypair"]["fingerprint"] == made["fingerprint"]


def test_a_new_key_keeps_itself_out_of_logs() -> None:
    assert "PRIVATE" not in repr(keys.generate("ssh", USER))


@pytest.mark.parametrize(
    "public_key",
    [
        "",
        "ssh-rsa",
        "ssh-rsa AAAA",
        "ssh-rsa !!!! me",
        PUBLIC_KEY.replace("ssh-ed25519", "ssh-rsa"),
        PUBLIC_KEY.replace("ssh-ed25519", "ssh-dss"),
        PUBLIC_KEY + "\n" + PUBLIC_KEY,
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me",
        "ssh-\u00fc AAAA me",
    ],
)
def test_refuses_keys(client: Client, conductor: FakeConductor, public_key: str) -> None:
    result = create(client, public_key=public_key)
    assert result.status_code == 400
    assert conductor.asked == []


def test_refuses_what_is_no_certificate(client: Client) -> None:
    assert create(client, type="x509", public_key=PUBLIC_KEY).status_code == 400


@pytest.mark.parametrize("name", ["", " x", "a/b", "x" * 256, "a@b"])
def test_refuses_names(client: Client, name: str) -> None:
    assert create(client, "2.91", name=name, public_key=PUBLIC_KEY).status_code == 400


def test_names_may_hold_more_since_2_92(client: Client) -> None:
    assert create(client, "2.92", name="a@b.c", public_key=PUBLIC_KEY).status_code == 201


def test_each_user_has_their_own(client: Client, conductor: FakeConductor) -> None:
    conductor.add(a_keypair())
    assert client.get("/os-keypairs/home").status_code == 200
    assert client.get("/os-keypairs/home", token=STRANGER).status_code == 404
    assert client.get("/os-keypairs", token=STRANGER).json == {"keypairs": []}
    assert client.ask("DELETE", "/os-keypairs/home", token=STRANGER).status_code == 404
    assert client.ask("DELETE", "/os-keypairs/home").status_code == 204


def test_only_admins_act_for_others(client: Client, conductor: FakeConductor) -> None:
    conductor.add(a_keypair())
    path = f"/os-keypairs/home?user_id={USER}"
    assert client.get(path, token=ADMIN).status_code == 200
    assert client.get(path, token=STRANGER).status_code == 403
    assert client.get(f"/os-keypairs?user_id={USER}", token=STRANGER).status_code == 403
    assert client.get(path, token=ADMIN, version="2.9").status_code == 404


def test_lists_by_pages_since_2_35(client: Client, conductor: FakeConductor) -> None:
    conductor.add(a_keypair(), a_keypair(name="work"))
    body = client.get("/os-keypairs?limit=1").json
    assert [entry["keypair"]["name"] for entry in body["keypairs"]] == ["home"]
    assert body["keypairs_links"][0]["href"].endswith("/os-keypairs?limit=1&marker=home")
    assert len(client.get("/os-keypairs?limit=1", version="2.34").json["keypairs"]) == 2
    assert client.get("/os-keypairs?marker=odd").status_code == 400
