"""Versions, extensions, lists, tags, quotas, authentication and durability."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from nova_clone.domain import errors
from nova_clone.standalone.network.settings import read_settings
from tests.unit.standalone.network.cloud import BLUE_PROJECT, RED_PROJECT, Cloud, cloud_at, serve


def names(answer: Any) -> list[str]:
    return [network["name"] for network in answer["networks"]]


@pytest.fixture
def named(cloud: Cloud) -> Cloud:
    for name in "cadb":
        cloud.red.post("networks", name=name)
    return cloud


def test_versions_need_no_token(cloud: Cloud) -> None:
    body = requests.get(cloud.url, timeout=60).json()
    assert [version["id"] for version in body["versions"]] == ["v2.0"]
    assert body["versions"][0]["links"][0]["href"] == f"{cloud.url}/v2.0/"


@pytest.mark.parametrize("token", [None, "unknown"])
def test_everything_else_needs_one(cloud: Cloud, token: str | None) -> None:
    headers = {"X-Auth-Token": token} if token else {}
    answer = requests.get(f"{cloud.url}/v2.0/networks", headers=headers, timeout=60)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Keystone uri=")


def test_documents(cloud: Cloud) -> None:
    aliases = {one["alias"] for one in cloud.red.get("extensions")["extensions"]}
    assert {"binding", "port-security", "security-group", "router", "external-net"} <= aliases
    assert cloud.red.get("extensions/router")["extension"]["alias"] == "router"
    assert cloud.red.ask("GET", "extensions/none").status == 404
    assert {one["collection"] for one in cloud.red.get("")["resources"]} >= {"networks", "ports"}
    assert len(cloud.red.get("availability_zones")["availability_zones"]) == 2
    assert cloud.red.get("service-providers") == {"service_providers": []}
    (agent,) = cloud.admin.get("agents")["agents"]
    assert agent["alive"] is True
    assert cloud.red.refused("GET", "agents")[0] == 403


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "nothing", 404), ("PATCH", "networks", 405), ("PUT", "networks", 405)],
)
def test_unknown_paths_and_methods(cloud: Cloud, method: str, path: str, status: int) -> None:
    answer = cloud.red.ask(method, path)
    assert answer.status == status
    assert set(answer.body["NeutronError"]) == {"type", "message", "detail"}


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"network": {"name": "\xff"}}', b"[" * 9999])
def test_bodies_that_are_no_objects(cloud: Cloud, data: bytes) -> None:
    headers = {"X-Auth-Token": "red", "Content-Type": "application/json"}
    answer = requests.post(f"{cloud.url}/v2.0/networks", data=data, headers=headers, timeout=60)
    assert answer.status_code == 400
    assert "NeutronError" in answer.json()


class TestLists:
    def test_filters(self, named: Cloud) -> None:
        assert names(named.red.get("networks?name=a&name=b")) == ["a", "b"]
        assert names(named.red.get("networks?name=a&shared=True")) == []
        assert names(named.red.get("networks?shared=False&admin_state_up=true")) == list("cadb")
        assert names(named.red.get("networks?router:external=False&name=c")) == ["c"]
        assert names(named.admin.get(f"networks?tenant_id={BLUE_PROJECT}")) == []
        assert len(names(named.admin.get(f"networks?project_id={RED_PROJECT}"))) == 4

    def test_order(self, named: Cloud) -> None:
        assert names(named.red.get("networks?sort_key=name&sort_dir=asc")) == list("abcd")
        assert names(named.red.get("networks?sort_key=mtu&sort_key=name")) == list("abcd")
        assert names(named.red.get("networks?sort_key=name&sort_dir=desc")) == list("dcba")
        for bad in ("sort_key=colour", "sort_key=name&sort_dir=up", "sort_dir=asc&sort_dir=asc"):
            assert named.red.ask("GET", f"networks?{bad}").status == 400

    def test_pages_lead_to_each_other(self, named: Cloud) -> None:
        seen: list[str] = []
        path = "networks?sort_key=name&limit=3"
        while path:
            page = named.red.get(path)
            seen += names(page)
            links = {link["rel"]: link["href"] for link in page.get("networks_links", ())}
            path = links.get("next", "").partition("/v2.0/")[2]
        assert seen == list("abcd")
        back = links["previous"].partition("/v2.0/")[2]
        assert names(named.red.get(back)) == list("abc")
        for bad in ("limit=x", "limit=-1", "marker=nobody"):
            assert named.red.ask("GET", f"networks?{bad}").status == 400

    def test_fields(self, named: Cloud) -> None:
        (one,) = named.red.get("networks?name=a&fields=id&fields=name")["networks"]
        assert set(one) == {"id", "name"}
        shown = named.red.get(f"networks/{one['id']}?fields=mtu")["network"]
        assert shown == {"mtu": 1500}

    def test_ports_by_address(self, cloud: Cloud) -> None:
        network, subnet = cloud.red.net()
        port = cloud.red.post("ports", network_id=network["id"])
        for wish, count in (
            (f"ip_address={port['fixed_ips'][0]['ip_address']}", 1),
            (f"subnet_id={subnet['id']}", 2),
            ("ip_address_substr=10.1.", 2),
            ("ip_address=10.9.9.9", 0),
        ):
            assert len(cloud.red.get(f"ports?fixed_ips={wish}")["ports"]) == count
        assert cloud.red.ask("GET", "ports?fixed_ips=nonsense").status == 400


def test_tags(cloud: Cloud) -> None:
    network, _ = cloud.red.net(None)
    other, _ = cloud.red.net(None)
    path = f"networks/{network['id']}/tags"
    assert cloud.red.ask("PUT", path, {"tags": ["a", "b"]}).body == {"tags": ["a", "b"]}
    assert cloud.red.ask("PUT", f"{path}/c").status == 201
    assert cloud.red.ask("GET", f"{path}/c").status == 204
    assert cloud.red.get("networks?tags=a,c")["networks"][0]["id"] == network["id"]
    assert cloud.red.get("networks?tags-any=a,x")["networks"][0]["id"] == network["id"]
    assert cloud.red.get("networks?not-tags=a")["networks"][0]["id"] == other["id"]
    assert cloud.red.ask("DELETE", f"{path}/c").status == 204
    assert cloud.red.ask("DELETE", f"{path}/c").fault == "TagNotFound"
    assert cloud.red.get(path) == {"tags": ["a", "b"]}
    assert cloud.red.ask("DELETE", path).status == 204
    assert cloud.red.get(path) == {"tags": []}
    for bad in ([""], ["x" * 61], "text", [5]):
        assert cloud.red.ask("PUT", path, {"tags": bad}).status == 400


class TestQuotas:
    def test_defaults_usage_and_limits(self, cloud: Cloud) -> None:
        path = f"quotas/{RED_PROJECT}"
        assert cloud.red.get(path)["quota"]["port"] == 500
        cloud.red.net(None)
        details = cloud.red.get(f"{path}/details")["quota"]
        assert details["network"] == {"limit": 100, "used": 1, "reserved": 0}
        assert cloud.admin.put(path, network=2)["network"] == 2
        cloud.red.net(None)
        assert cloud.red.refused("POST", "networks", name="third") == (409, "OverQuota")
        assert cloud.admin.get("quotas")["quotas"][0]["project_id"] == RED_PROJECT
        assert cloud.red.get(f"{path}/default")["quota"]["network"] == 100
        cloud.admin.delete(path)
        assert cloud.red.get(path)["quota"]["network"] == 100
        assert cloud.admin.refused("DELETE", path) == (404, "TenantQuotaNotFound")

    def test_they_are_the_admins(self, cloud: Cloud) -> None:
        path = f"quotas/{RED_PROJECT}"
        assert cloud.red.refused("PUT", path, port=1)[0] == 403
        assert cloud.red.refused("DELETE", path)[0] == 403
        assert cloud.blue.refused("GET", path)[0] == 403
        for bad in ({"port": "many"}, {"port": -2}, {"cars": 5}):
            assert cloud.admin.refused("PUT", path, **bad)[0] == 400


def test_records_survive_a_restart(tmp_path: Path) -> None:
    seen: list[Any] = []
    with requests.Session() as session:
        for first in (True, False):
            server, store = serve(tmp_path)
            cloud = cloud_at(session, server)
            if first:
                network, _ = cloud.red.net()
                cloud.red.post(
                    "ports",
                    network_id=network["id"],
                    allowed_address_pairs=[{"ip_address": "10.0.0.0/8"}],
                )
                group = cloud.red.post("security-groups", name="web")
                cloud.red.post(
                    "security-group-rules", security_group_id=group["id"], direction="ingress"
                )
                cloud.red.post("routers", name="r")
                cloud.admin.put(f"quotas/{RED_PROJECT}", port=7)
            nouns = ("networks", "subnets", "ports", "security-groups", "routers", "quotas")
            seen.append([cloud.admin.get(noun) for noun in nouns])
            if not first:
                port = cloud.red.post("ports", network_id=network["id"])
                assert port["fixed_ips"][0]["ip_address"] == "10.1.0.4"
            server.stop()
            store.close()
    assert seen[0] == seen[1]


@pytest.mark.parametrize("options", [{"colour": 1}, {"mtu": "much"}, {"firewall": "brick"}])
def test_bad_options_are_named(options: dict[str, Any]) -> None:
    with pytest.raises(errors.Invalid, match=next(iter(options))):
        read_settings(options, metadata_secret="")
