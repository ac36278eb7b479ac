from __future__ import annotations

from collections.abc import Iterator

import pytest
from oslo_config import cfg

from nova_clone.web.auth import AuthSettings
from nova_clone.web.server import HttpServer, ServerSettings
from nova_clone.web.token_cache import TokenCache

from .conftest import Client, a_door
from .keystone import FakeKeystone

# The token middleware imports WebOb, which imports a module that Python 3.13 drops.
pytestmark = pytest.mark.filterwarnings("ignore:'cgi' is deprecated:DeprecationWarning")

WHO = "/v2.1/things/7"
SPOOFED = {
    "X-Identity-Status": "Confirmed",
    "X-Service-Identity-Status": "Confirmed",
    "X-User-Id": "root",
    "X-Project-Id": "p9",
    "X-Tenant-Id": "p9",
    "X-Is-Admin-Project": "True",
    "X-Service-Roles": "service",
    "OpenStack-System-Scope": "all",
}


def a_keystone_door(keystone: FakeKeystone, **conf: object) -> Client:
    given = {
        "auth_type": "password",
        "auth_url": f"{keystone.url}/v3",
        "www_authenticate_uri": "http://keystone.example",
        "username": "nova",
        "password": "s3cret",
        "project_name": "service",
        "user_domain_name": "Default",
        "project_domain_name": "Default",
    }
    settings = AuthSettings(keystone={**given, **conf})
    assert "s3cret" not in repr(settings)
    return Client(a_door(auth=settings))


@pytest.fixture
def keystone() -> Iterator[FakeKeystone]:
    fake = FakeKeystone()
    server = HttpServer(fake.app(), ServerSettings(host="127.0.0.1", threads=2))
    fake.url = server.url
    server.start()
    yield fake
    server.stop()


@pytest.mark.parametrize(
    ("token", "user", "admin"), [("ann:p1", "ann", False), ("admin:p1", "admin", True)]
)
def test_noauth_believes_its_token(client: Client, token: str, user: str, admin: bool) -> None:
    result = client.ask("GET", WHO, token=token)
    assert (result.json["user"], result.json["admin"]) == (user, admin)


def test_noauth_roles_may_be_given(client: Client) -> None:
    as_admin = client.ask("GET", WHO, headers={"X-Roles": "admin,member"})
    as_nobody = client.ask("GET", WHO, token="admin:p1", headers={"X-Roles": ""})
    assert (as_admin.json["admin"], as_nobody.json["admin"]) == (True, False)


def test_policy_is_asked_with_the_roles(client: Client) -> None:
    assert client.ask("GET", "/v2.1/things").status_code == 200
    refused = client.ask("GET", "/v2.1/things", headers={"X-Roles": "other"})
    assert refused.status_code == 403
    assert refused.json["forbidden"]["message"] == (
        "Policy doesn't allow things:list to be performed."
    )


@pytest.mark.parametrize("token", [None, "", " ", ":p1"])
def test_without_a_token_the_way_to_one_is_shown(client: Client, token: str | None) -> None:
    result = client.ask("GET", WHO, token=token)
    assert result.status_code == 401
    assert result.headers["WWW-Authenticate"] == 'Keystone uri="noauth2"'
    assert result.json["error"]["code"] == 401


def test_noauth_does_not_believe_identity_headers(client: Client) -> None:
    assert client.ask("GET", WHO, token=None, headers=SPOOFED).status_code == 401
    assert client.ask("GET", WHO, headers=SPOOFED).json["user"] == "ann"
    assert client.ask("GET", "/v2.1", token=None, headers=SPOOFED).json["known"] is False


def test_a_valid_token_names_its_user(keystone: FakeKeystone) -> None:
    client = a_keystone_door(keystone)
    keystone.issue("t-ann", "ann", "p1", "member", "reader")
    keystone.issue("t-root", "root", "p1", "admin")
    ann = client.ask("GET", WHO, token="t-ann", headers=SPOOFED | {"X-Roles": "admin"})
    assert (ann.json["user"], ann.json["admin"]) == ("ann", False)
    assert client.ask("GET", WHO, token="t-root").json["admin"] is True
    assert client.ask("GET", "/v2.1/p1/things/7", token="t-ann").status_code == 200
    assert client.ask("GET", "/v2.1/p9/things/7", token="t-ann").status_code == 400


def test_a_token_is_validated_once(keystone: FakeKeystone) -> None:
    client = a_keystone_door(keystone)
    keystone.issue("t-ann", "ann", "p1", "member")
    for _ in range(5):
        assert client.ask("GET", WHO, token="t-ann").status_code == 200
    assert keystone.validations == ["t-ann"]


@pytest.mark.parametrize("token", [None, "t-unknown"])
def test_no_valid_token_no_entry(keystone: FakeKeystone, token: str | None) -> None:
    result = a_keystone_door(keystone).ask("GET", WHO, token=token, headers=SPOOFED)
    assert result.status_code == 401
    assert result.headers["WWW-Authenticate"] == 'Keystone uri="http://keystone.example"'
    assert "x-compute-request-id" in result.headers


def test_public_paths_do_not_ask_keystone(keystone: FakeKeystone) -> None:
    client = a_keystone_door(keystone)
    assert client.ask("GET", "/v2.1", token="t-any", headers=SPOOFED).json["known"] is False
    assert client.ask("GET", "/healthcheck", token=None).status_code == 200
    assert keystone.validations == []


def test_a_keystone_that_fails_is_unavailable(keystone: FakeKeystone) -> None:
    keystone.failing = True
    client = a_keystone_door(keystone, http_request_max_retries=0)
    assert client.ask("GET", WHO, token="t-ann").status_code == 503


def test_a_failure_of_the_token_check_itself_is_told_like_any_other(keystone: FakeKeystone) -> None:
    client = a_keystone_door(keystone, interface="nowhere")
    result = client.ask("GET", WHO, token="t-ann")
    assert result.status_code == 500
    assert result.json["computeFault"]["message"] == (
        "An unexpected error occurred in "
        f"{result.headers['x-compute-request-id']}: EndpointNotFound."
    )


def test_an_existing_configuration_is_used(keystone: FakeKeystone) -> None:
    options = cfg.ConfigOpts()
    options([], default_config_files=[], default_config_dirs=[])
    keystone.issue("t-ann", "ann", "p1", "member")
    client = a_keystone_door(keystone, oslo_config_config=options)
    assert client.ask("GET", WHO, token="t-ann").status_code == 200
    assert "keystone_authtoken" in options


def test_the_token_cache_forgets_the_least_used_and_the_old() -> None:
    cache = TokenCache(2)
    assert cache.set("a", b"1", time=100)
    assert cache.set("b", b"2", time=100)
    assert cache.get("a") == b"1"
    assert cache.set("c", b"3", time=100)
    assert [cache.get(key) for key in "abc"] == [b"1", None, b"3"]
    assert not cache.set("d", b"4", time=-1)
    assert cache.get("d") is None
