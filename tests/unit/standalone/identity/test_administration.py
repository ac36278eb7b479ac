from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import openstack
import pytest
import requests
from openstack.connection import Connection

from nova_clone.standalone.app import Standalone
from tests.unit.standalone.cloud import Caller, log_in, project_scope
from tests.unit.standalone.conftest import As

# The SDK warns about its own calls of itself.
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")


@pytest.fixture
def connection(cloud: Standalone) -> Iterator[Connection]:
    connected = openstack.connect(
        auth_url=cloud.auth_url,
        username="admin",
        password="admin-secret",
        project_name="admin",
        user_domain_name="Default",
        project_domain_name="Default",
        region_name="RegionOne",
    )
    yield connected
    connected.close()


def log_in_as(cloud: Standalone, name: str, password: str, project: str) -> int:
    user = {"name": name, "domain": {"name": "Default"}, "password": password}
    auth = {
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": project_scope(project),
    }
    return requests.post(
        f"{cloud.auth_url}/auth/tokens", json={"auth": auth}, timeout=60
    ).status_code


def test_openstacksdk_makes_a_tenant(cloud: Standalone, connection: Connection) -> None:
    identity = connection.identity
    project = identity.create_project(name="green", description="one more", domain_id="default")
    user = identity.create_user(name="green", password="first", default_project_id=project.id)
    role = identity.find_role("member")
    assert log_in_as(cloud, "green", "first", "green") == 401
    identity.assign_project_role_to_user(project, user, role)
    assert identity.validate_user_has_project_role(project, user, role)
    assert log_in_as(cloud, "green", "first", "green") == 201
    assert [one.name for one in identity.user_projects(user)] == ["green"]
    identity.update_user(user, password="second")
    assert log_in_as(cloud, "green", "first", "green") == 401
    assert log_in_as(cloud, "green", "second", "green") == 201
    assert identity.update_project(project, description="changed").description == "changed"
    assert identity.find_project("green").description == "changed"
    identity.unassign_project_role_from_user(project, user, role)
    assert log_in_as(cloud, "green", "second", "green") == 401
    identity.delete_user(user)
    identity.delete_project(project)
    assert identity.find_user("green") is None
    assert identity.find_project("green") is None


def test_openstacksdk_reads_the_catalog(cloud: Standalone, connection: Connection) -> None:
    identity = connection.identity
    services = {service.type: service.id for service in identity.services()}
    urls = {
        endpoint.interface: endpoint.url
        for endpoint in identity.endpoints(service_id=services["image"])
    }
    assert urls == dict.fromkeys(("public", "internal", "admin"), cloud.urls["image"])
    assert [region.id for region in identity.regions()] == ["RegionOne"]
    assert [domain.name for domain in identity.domains()] == ["Default"]
    assert {role.name for role in identity.roles()} >= {"admin", "service", "auditor"}


def test_services_endpoints_and_regions_are_made_and_removed(caller: As) -> None:
    ask = caller("identity", "admin")
    assert ask("POST", "/regions", json={"region": {"id": "North"}}).status_code == 201
    service = ask("POST", "/services", json={"service": {"type": "dns", "name": "designate"}})
    service_id = service.json()["service"]["id"]
    wanted = {
        "service_id": service_id,
        "interface": "public",
        "url": "http://dns/%(project_id)s",
        "region": "North",
    }
    made = ask("POST", "/endpoints", json={"endpoint": wanted})
    assert made.status_code == 201
    assert made.json()["endpoint"]["region_id"] == "North"
    catalog = ask("GET", "/auth/catalog").json()["catalog"]
    entry = next(one for one in catalog if one["type"] == "dns")
    assert entry["endpoints"][0]["url"].startswith("http://dns/")
    assert "%" not in entry["endpoints"][0]["url"]
    wrong = {**wanted, "interface": "private"}
    assert ask("POST", "/endpoints", json={"endpoint": wrong}).status_code == 400
    assert ask("DELETE", f"/services/{service_id}").status_code == 204
    assert ask("GET", f"/endpoints/{made.json()['endpoint']['id']}").status_code == 404
    assert ask("DELETE", "/regions/North").status_code == 204


def test_domains_hold_names_apart(caller: As) -> None:
    ask = caller("identity", "admin")
    made = ask("POST", "/domains", json={"domain": {"name": "Partners"}}).json()["domain"]
    for attributes in ({"name": "red"}, {"name": "red", "domain_id": made["id"]}):
        answer = ask("POST", "/projects", json={"project": attributes})
        assert answer.status_code == (201 if "domain_id" in attributes else 409)
    found = ask("GET", "/projects?name=red").json()["projects"]
    assert {one["domain_id"] for one in found} == {"default", made["id"]}
    item = f"/domains/{made['id']}"
    assert ask("DELETE", item).status_code == 403
    disabled = ask("PATCH", item, json={"domain": {"enabled": False}})
    assert disabled.json()["domain"]["enabled"] is False
    assert ask("DELETE", item).status_code == 204
    assert len(ask("GET", "/projects?name=red").json()["projects"]) == 1
    assert ask("DELETE", "/domains/default").status_code == 403


def test_role_assignments_are_listed(caller: As) -> None:
    ask = caller("identity", "admin")
    user_id = ask("GET", "/users?name=red").json()["users"][0]["id"]
    listing = f"/role_assignments?user.id={user_id}"
    plain = ask("GET", listing).json()["role_assignments"]
    assert len(plain) == 1
    named = ask("GET", f"{listing}&include_names&effective").json()["role_assignments"]
    assert [one["role"]["name"] for one in named] == ["member", "reader"]
    assert named[0]["user"]["name"] == "red"
    assert named[0]["scope"]["project"]["name"] == "red"
    assert named[0]["scope"]["project"]["domain"] == {"id": "default", "name": "Default"}
    system = ask("GET", "/role_assignments?scope.system=all").json()["role_assignments"]
    assert [one["scope"] for one in system] == [{"system": {"all": True}}]
    assert ask("GET", listing + "&scope.project.id=none").json()["role_assignments"] == []
    assert ask("GET", "/role_assignments?group.id=none").json()["role_assignments"] == []
    rules = ask("GET", "/role_inferences").json()["role_inferences"]
    assert {rule["prior_role"]["name"] for rule in rules} == {"admin", "manager", "member"}


def test_system_roles_are_given_and_taken(caller: As) -> None:
    ask = caller("identity", "admin")
    user_id = ask("GET", "/users?name=blue").json()["users"][0]["id"]
    role_id = ask("GET", "/roles?name=reader").json()["roles"][0]["id"]
    grant = f"/system/users/{user_id}/roles/{role_id}"
    assert ask("HEAD", grant).status_code == 404
    assert ask("PUT", grant).status_code == 204
    assert ask("HEAD", grant).status_code == 204
    assert len(ask("GET", f"/system/users/{user_id}/roles").json()["roles"]) == 1
    assert ask("DELETE", grant).status_code == 204
    assert ask("DELETE", grant).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/users"),
        ("POST", "/users"),
        ("GET", "/projects"),
        ("POST", "/projects"),
        ("GET", "/domains"),
        ("GET", "/roles"),
        ("POST", "/regions"),
        ("GET", "/services"),
        ("GET", "/role_assignments"),
        ("DELETE", "/users/anybody"),
        ("PUT", "/system/users/anybody/roles/any"),
        ("GET", "/users/anybody/projects"),
    ],
)
def test_tenants_administer_nothing(caller: As, method: str, path: str) -> None:
    assert caller("identity", "red")(method, path).status_code == 403
    assert Caller(caller("identity").url)(method, path).status_code == 401


def test_a_user_sees_itself_and_its_projects(cloud: Standalone, caller: As) -> None:
    token = log_in(cloud, "red", "red").json()["token"]
    ask = caller("identity", "red")
    me = ask("GET", f"/users/{token['user']['id']}").json()["user"]
    assert me["name"] == "red"
    assert not [name for name in me if "hash" in name]
    assert ask("GET", f"/projects/{token['project']['id']}").status_code == 200
    other = log_in(cloud, "blue", "blue").json()["token"]
    assert ask("GET", f"/users/{other['user']['id']}").status_code == 403
    assert ask("GET", f"/projects/{other['project']['id']}").status_code == 403
    service = caller("identity", "nova", "service")
    assert service("GET", f"/projects/{other['project']['id']}").status_code == 200
    assert service("GET", "/projects/unknown").status_code == 404


def test_a_user_changes_its_password(cloud: Standalone, caller: As) -> None:
    admin = caller("identity", "admin")
    made = admin("POST", "/users", json={"user": {"name": "temp", "password": "old"}}).json()[
        "user"
    ]
    path = f"/users/{made['id']}/password"

    def change(old: str, new: str) -> int:
        body = {"user": {"original_password": old, "password": new}}
        return Caller(cloud.auth_url)("POST", path, json=body).status_code

    assert change("wrong", "new") == 401
    assert change("old", "") == 400
    assert change("old", "new") == 204
    assert change("old", "newer") == 401
    assert admin("DELETE", f"/users/{made['id']}").status_code == 204


def test_application_credentials(cloud: Standalone, caller: As) -> None:
    ask = caller("identity", "red")
    user_id = log_in(cloud, "red", "red").json()["token"]["user"]["id"]
    base = f"/users/{user_id}/application_credentials"
    wanted = {"name": "robot", "roles": [{"name": "reader"}]}
    made = ask("POST", base, json={"application_credential": wanted}).json()
    credential = made["application_credential"]
    assert ask("POST", base, json={"application_credential": wanted}).status_code == 409
    stronger = {"name": "boss", "roles": [{"name": "admin"}]}
    assert ask("POST", base, json={"application_credential": stronger}).status_code == 400
    shown = ask("GET", f"{base}/{credential['id']}").json()["application_credential"]
    assert "secret" not in shown
    assert len(ask("GET", base).json()["application_credentials"]) == 1

    def use(secret: str, **scope: Any) -> requests.Response:
        proof = {"id": credential["id"], "secret": secret}
        identity = {"methods": ["application_credential"], "application_credential": proof}
        body = {"auth": {"identity": identity, **scope}}
        return requests.post(f"{cloud.auth_url}/auth/tokens", json=body, timeout=60)

    assert use("wrong").status_code == 401
    assert use(credential["secret"], scope=project_scope("red")).status_code == 401
    used = use(credential["secret"])
    assert [role["name"] for role in used.json()["token"]["roles"]] == ["reader"]
    robot = Caller(cloud.auth_url, used.headers["X-Subject-Token"])
    assert robot("POST", base, json={"application_credential": wanted}).status_code == 403
    assert ask("DELETE", f"{base}/{credential['id']}").status_code == 204
    assert use(credential["secret"]).status_code == 401
    assert robot("GET", "/auth/projects").status_code == 401
    robot.close()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/projects", {}),
        ("/projects", {"project": []}),
        ("/projects", {"project": {"name": ""}}),
        ("/projects", {"project": {"name": 7}}),
        ("/projects", {"project": {"name": "x" * 256}}),
        ("/projects", {"project": {"name": "x", "enabled": "yes"}}),
        ("/users", {"user": {"name": "x", "password": 5}}),
        ("/users", {"user": {"password": "x"}}),
        ("/services", {"service": {}}),
        ("/endpoints", {"endpoint": {"service_id": "none"}}),
        ("/regions", {"region": {"id": ["x"]}}),
    ],
)
def test_a_bad_body_is_400_and_changes_nothing(caller: As, path: str, body: dict[str, Any]) -> None:
    ask = caller("identity", "admin")
    before = ask("GET", path).json()
    answer = ask("POST", path, json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == 400
    assert ask("GET", path).json() == before


def test_an_unknown_domain_is_404(caller: As) -> None:
    ask = caller("identity", "admin")
    body = {"project": {"name": "x", "domain_id": "none"}}
    assert ask("POST", "/projects", json=body).status_code == 404


def test_no_password_and_no_token_is_logged(
    cloud: Standalone, caller: As, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="nova_clone"):
        ask = caller("identity", "red")
        ask("GET", "/users")
    assert "red-secret" not in caplog.text
    assert (ask.token or "") not in caplog.text
