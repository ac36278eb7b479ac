from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import keystoneauth1.exceptions
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from keystoneauth1 import session
from keystoneauth1.identity import v3

from nova_clone.domain import errors
from nova_clone.standalone.app import Standalone
from nova_clone.standalone.documents import DocumentStore
from nova_clone.standalone.identity.app import Identity, IdentityOptions, build_identity
from nova_clone.standalone.identity.tokens import Scope
from tests.unit.standalone.cloud import IDENTITY_FILE, Caller, credentials, log_in, token_of
from tests.unit.standalone.conftest import As


def by_password(cloud: Standalone, **changes: Any) -> session.Session:
    plugin = v3.Password(
        **{
            "auth_url": cloud.auth_url,
            "username": "red",
            "password": "red-secret",
            "project_name": "red",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
            **changes,
        }
    )
    return session.Session(auth=plugin)


def test_keystoneauth_logs_in_and_finds_the_services(cloud: Standalone) -> None:
    client = by_password(cloud)
    access = client.auth.get_access(client)
    assert sorted(access.role_names) == ["member", "reader"]
    assert access.project_name == "red"
    assert client.get_endpoint(service_type="image") == cloud.urls["image"]
    assert client.get_endpoint(service_type="compute", interface="internal") == (
        "http://127.0.0.1:8774/v2.1"
    )
    with pytest.raises(keystoneauth1.exceptions.EndpointNotFound):
        client.get_endpoint(service_type="identity", region_name="elsewhere")


def test_the_version_is_found_from_every_url(cloud: Standalone) -> None:
    root = cloud.auth_url.removesuffix("/v3")
    for base in (root, root + "/v3", root + "/identity", root + "/identity/v3/"):
        client = by_password(cloud, auth_url=base)
        assert client.get_token()
    assert requests.get(root, timeout=60).status_code == 300
    described = requests.get(root + "/identity/v3", timeout=60).json()["version"]
    assert described["links"][0]["href"] == root + "/identity/v3/"


@pytest.mark.parametrize(
    "identity",
    [
        credentials("red", "wrong"),
        credentials("red", ""),
        credentials("nobody"),
        credentials("red", "x" * 5000),
        credentials("red", "red-secret\0"),
        {"methods": ["token"], "token": {"id": "gAAAAA"}},
        {"methods": ["token"], "token": {"id": "é" * 10}},
        {"methods": ["totp"], "totp": {}},
        {"methods": []},
    ],
)
def test_a_wrong_proof_is_401_and_says_nothing_else(
    cloud: Standalone, identity: dict[str, Any]
) -> None:
    response = requests.post(
        f"{cloud.auth_url}/auth/tokens", json={"auth": {"identity": identity}}, timeout=60
    )
    assert response.status_code == 401
    assert response.json()["error"]["code"] == 401
    assert response.json()["error"]["title"] == "Unauthorized"
    assert "X-Subject-Token" not in response.headers


def test_keystoneauth_reads_the_refusal(cloud: Standalone) -> None:
    with pytest.raises(keystoneauth1.exceptions.Unauthorized):
        by_password(cloud, password="wrong").get_token()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"auth": 1}',
        b'{"auth": {"identity": {"methods": "password"}}}',
        b'{"auth": {"identity": {"methods": ["password"]}}}',
        b'{"auth": {"identity": {"methods": ["password"], "password": {"user": {}}}}}',
        b'{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "a"}}}}}',
        b'{"auth": {"identity": {"methods": ["token"], "token": {}}}}',
        b"\xff\xfe",
    ],
)
def test_a_malformed_login_is_400(cloud: Standalone, body: bytes) -> None:
    response = requests.post(f"{cloud.auth_url}/auth/tokens", data=body, timeout=60)
    assert response.status_code == 400
    assert response.json()["error"]["title"] == "Bad Request"


def test_scopes(cloud: Standalone) -> None:
    unscoped = log_in(cloud, "red").json()["token"]
    assert "project" not in unscoped
    assert "catalog" not in unscoped
    scoped = log_in(cloud, "red", "red").json()["token"]
    assert scoped["project"]["name"] == "red"
    by_id = log_in(cloud, "red", scope={"project": {"id": scoped["project"]["id"]}}).json()["token"]
    assert by_id["project"] == scoped["project"]
    default = log_in(cloud, "admin").json()["token"]
    assert default["project"]["name"] == "admin"
    whole = log_in(cloud, "admin", scope={"system": {"all": True}}).json()["token"]
    assert whole["system"] == {"all": True}
    assert {role["name"] for role in whole["roles"]} == {"admin", "manager", "member", "reader"}
    for refused in (
        log_in(cloud, "red", "blue"),
        log_in(cloud, "red", "no-such-project"),
        log_in(cloud, "red", scope={"system": {"all": True}}),
        log_in(cloud, "red", scope={"domain": {"id": "default"}}),
    ):
        assert refused.status_code == 401


def test_an_unscoped_token_is_turned_into_a_scoped_one(cloud: Standalone) -> None:
    first = log_in(cloud, "red")
    rescoped = v3.Token(
        auth_url=cloud.auth_url,
        token=first.headers["X-Subject-Token"],
        project_name="red",
        project_domain_id="default",
    )
    access = rescoped.get_access(session.Session())
    assert access.project_name == "red"
    body = first.json()["token"]
    assert access.expires.isoformat()[:19] == body["expires_at"][:19]
    assert access.audit_chain_id == body["audit_ids"][0]


def test_who_may_look_into_a_token(cloud: Standalone, caller: As) -> None:
    token = token_of(cloud, "red")
    for name, project, expected in (
        ("red", None, 200),
        ("nova", "service", 200),
        ("admin", None, 200),
        ("blue", None, 403),
    ):
        ask = caller("identity", name, project)
        for method in ("GET", "HEAD"):
            shown = ask(method, "/auth/tokens", headers={"X-Subject-Token": token})
            assert shown.status_code == expected
    ask = caller("identity", "nova", "service")
    seen = ask("GET", "/auth/tokens", headers={"X-Subject-Token": token})
    assert seen.headers["X-Subject-Token"] == token
    assert seen.json()["token"]["user"]["name"] == "red"
    assert seen.json()["token"]["catalog"]
    brief = ask("GET", "/auth/tokens?nocatalog", headers={"X-Subject-Token": token})
    assert "catalog" not in brief.json()["token"]
    unknown = ask("GET", "/auth/tokens", headers={"X-Subject-Token": token[:-4] + "AAAA"})
    assert unknown.status_code == 404
    assert ask("GET", "/auth/tokens").status_code == 400


def test_a_revoked_token_is_no_longer_good(cloud: Standalone, caller: As) -> None:
    ask = caller("identity", "red")
    assert ask("GET", "/auth/projects").json()["projects"][0]["name"] == "red"
    revoked = ask("DELETE", "/auth/tokens", headers={"X-Subject-Token": ask.token or ""})
    assert revoked.status_code == 204
    assert ask("GET", "/auth/projects").status_code == 401
    image = Caller(cloud.urls["image"], ask.token)
    assert image("GET", "/v2/images").status_code == 401
    image.close()


def test_catalog_and_scopes_of_the_caller(cloud: Standalone, caller: As) -> None:
    ask = caller("identity", "admin")
    kinds = {entry["type"] for entry in ask("GET", "/auth/catalog").json()["catalog"]}
    assert kinds >= {"compute", "placement", "image", "identity"}
    assert ask("GET", "/auth/system").json()["system"] == [{"all": True}]
    assert ask("GET", "/auth/domains").json()["domains"] == []
    assert ask("GET", "/auth/nonsense").status_code == 404
    assert Caller(cloud.auth_url)("GET", "/auth/catalog").status_code == 401


@dataclasses.dataclass(frozen=True)
class Place:
    path: Path

    def open(self, *, lifetime: int = 3600) -> tuple[Identity, DocumentStore]:
        file = self.path / "identity.yaml"
        if not file.exists():
            file.write_text(IDENTITY_FILE)
        store = DocumentStore(self.path / "identity.sqlite")
        options = IdentityOptions(
            key_path=self.path / "key",
            identity_file=file,
            token_lifetime=lifetime,
            password_rounds=4,
        )
        return build_identity(options, store), store


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def issue(identity: Identity, name: str = "red") -> str:
    user = identity.directory.user_named(name, domain_id="default")
    project = identity.directory.project_named(name, domain_id="default")
    assert user is not None
    assert project is not None
    scope = Scope(project_id=project.id)
    return identity.tokens.issue(user.id, scope, methods=("password",))[0]


def test_tokens_and_revocations_survive_a_restart(place: Place) -> None:
    identity, store = place.open()
    kept, revoked = issue(identity), issue(identity)
    identity.tokens.revoke(revoked)
    store.close()
    identity, store = place.open()
    assert identity.tokens.validate(kept).user_name == "red"
    with pytest.raises(errors.Unauthorized):
        identity.tokens.validate(revoked)
    assert (place.path / "key").stat().st_mode & 0o777 == 0o600
    store.close()


def test_an_expired_token_is_good_only_for_a_service(place: Place) -> None:
    identity, store = place.open(lifetime=0)
    token = issue(identity)
    with pytest.raises(errors.Unauthorized):
        identity.tokens.validate(token)
    assert identity.tokens.validate(token, allow_expired=True).user_name == "red"
    store.close()


def test_a_token_ends_with_what_it_stands_on(place: Place) -> None:
    identity, store = place.open()
    directory = identity.directory
    user = directory.user_named("red", domain_id="default")
    project = directory.project_named("red", domain_id="default")
    assert user is not None
    assert project is not None
    token = issue(identity)
    directory.projects.put(dataclasses.replace(project, enabled=False))
    with pytest.raises(errors.Unauthorized):
        identity.tokens.validate(token)
    directory.projects.put(project)
    directory.users.put(dataclasses.replace(user, enabled=False))
    with pytest.raises(errors.Unauthorized):
        identity.tokens.validate(token)
    directory.users.put(user)
    assert identity.tokens.validate(token).roles == ("member", "reader")
    directory.assignments.delete_where(user_id=user.id)
    with pytest.raises(errors.Unauthorized):
        identity.tokens.validate(token)
    store.close()


def test_another_key_does_not_open_a_token(place: Place) -> None:
    identity, store = place.open()
    token = issue(identity)
    store.close()
    (place.path / "key").unlink()
    identity, store = place.open()
    with pytest.raises(errors.Unauthorized):
        identity.tokens.validate(token)
    store.close()


@given(text=st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_no_text_is_taken_for_a_token(cloud: Standalone, text: str) -> None:
    response = requests.post(
        f"{cloud.auth_url}/auth/tokens",
        json={"auth": {"identity": {"methods": ["token"], "token": {"id": text}}}},
        timeout=60,
    )
    assert response.status_code in (400, 401)
