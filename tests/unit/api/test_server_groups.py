from __future__ import annotations

from typing import Any

import pytest

from nova_clone.contracts.server_groups import ServerGroupQuery
from nova_clone.domain.errors import Invalid, OverQuota
from nova_clone.domain.server_group import ServerGroup
from tests.unit.api.builders import PROJECT, SERVER_ID, USER
from tests.unit.api.conftest import ADMIN, STRANGER, Client
from tests.unit.api.fake_conductor import FakeConductor

GROUP_ID = "66666666-aaaa-4bbb-8ccc-dddddddddddd"
PATH = f"/os-server-groups/{GROUP_ID}"


def a_group(**changes: Any) -> ServerGroup:
    fields: dict[str, Any] = {
        "id": GROUP_ID,
        "name": "apart",
        "project_id": PROJECT,
        "user_id": USER,
        "policy": "anti-affinity",
        "members": (SERVER_ID,),
    }
    return ServerGroup(**{**fields, **changes})


def create(client: Client, version: str = "latest", **fields: Any) -> Any:
    return client.ask(
        "POST", "/os-server-groups", {"server_group": {"name": "apart", **fields}}, version=version
    )


def test_makes_a_group(client: Client) -> None:
    made = create(client, policy="anti-affinity", rules={"max_server_per_host": "3"})
    assert made.status_code == 200
    group = made.json["server_group"]
    assert len(group.pop("id")) == 36
    assert group == {
        "name": "apart",
        "policy": "anti-affinity",
        "rules": {"max_server_per_host": 3},
        "members": [],
        "project_id": PROJECT,
        "user_id": USER,
    }


def test_policies_are_a_list_until_2_63(client: Client, conductor: FakeConductor) -> None:
    made = create(client, "2.63", policies=["soft-affinity"]).json["server_group"]
    assert (made["policies"], made["metadata"]) == (["soft-affinity"], {})
    assert "policy" not in made
    assert conductor.last("create_server_group").policy == "soft-affinity"
    assert create(client, "2.63", policy="affinity").status_code == 400
    assert create(client, "2.64", policies=["affinity"]).status_code == 400


def test_soft_policies_are_known_since_2_15(client: Client) -> None:
    assert create(client, "2.14", policies=["soft-affinity"]).status_code == 400
    assert create(client, "2.15", policies=["soft-anti-affinity"]).status_code == 200


def test_owners_are_shown_since_2_13(client: Client, conductor: FakeConductor) -> None:
    conductor.add(a_group())
    assert "project_id" not in client.get(PATH, version="2.12").json["server_group"]
    assert client.get(PATH, version="2.13").json["server_group"]["user_id"] == USER


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"policy": "neighbours"},
        {"policy": "affinity", "metadata": {}},
        {"policy": "anti-affinity", "name": ""},
        {"policy": "anti-affinity", "name": "x" * 256},
        {"policy": "anti-affinity", "rules": {"max_server_per_host": 0}},
        {"policy": "anti-affinity", "rules": {"max_server_per_host": "many"}},
        {"policy": "anti-affinity", "rules": {"max_server_per_host": 2**31}},
        {"policy": "anti-affinity", "rules": {"most": 1}},
    ],
)
def test_refuses_bodies(client: Client, conductor: FakeConductor, fields: dict[str, Any]) -> None:
    assert create(client, **fields).status_code == 400
    assert conductor.asked == []


@pytest.mark.parametrize(
    "policies", [[], ["affinity", "anti-affinity"], ["affinity", "affinity"], "affinity"]
)
def test_refuses_all_but_one_policy(client: Client, policies: Any) -> None:
    assert create(client, "2.20", policies=policies).status_code == 400


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Invalid("Only anti-affinity policy supports rules."), 400),
        (OverQuota("Quota exceeded, too many server groups."), 403),
    ],
)
def test_answers_refusals(
    client: Client, conductor: FakeConductor, error: Exception, status: int
) -> None:
    conductor.error = error
    assert create(client, policy="affinity").status_code == status


def test_lists_by_pages(client: Client, conductor: FakeConductor) -> None:
    conductor.add(*(a_group(id=f"{number}{GROUP_ID[1:]}", name=f"{number}") for number in range(4)))

    def names(query: str) -> list[str]:
        body = client.get(f"/os-server-groups{query}").json
        assert list(body) == ["server_groups"]
        return [group["name"] for group in body["server_groups"]]

    assert names("") == ["0", "1", "2", "3"]
    assert names("?limit=2&offset=1") == ["1", "2"]
    assert names("?limit=0") == ["0", "1", "2", "3"]
    assert names("?offset=9") == []
    for query in ("?limit=-1", "?limit=x", "?offset=x", "?odd=1"):
        assert client.get(f"/os-server-groups{query}").status_code == 400
    assert client.get("/os-server-groups?odd=1", version="2.74").status_code == 200


def test_only_admins_see_all_projects(client: Client, conductor: FakeConductor) -> None:
    path = "/os-server-groups?all_projects=true"
    assert client.get(path, token=STRANGER).status_code == 200
    assert conductor.last("list_server_groups") == ServerGroupQuery(
        project_id=STRANGER.partition(":")[2], limit=1000
    )
    client.get(path, token=ADMIN)
    assert conductor.last("list_server_groups").project_id is None


def test_others_do_not_see_it(client: Client, conductor: FakeConductor) -> None:
    conductor.add(a_group())
    assert client.get(PATH, token=STRANGER).status_code == 404
    assert client.ask("DELETE", PATH, token=STRANGER).status_code == 404
    assert client.ask("DELETE", PATH, token=ADMIN).status_code == 204
    assert client.get(PATH).status_code == 404


def test_readers_only_read(client: Client, conductor: FakeConductor) -> None:
    conductor.add(a_group())
    assert client.get(PATH, roles="reader").status_code == 200
    assert client.ask("DELETE", PATH, roles="reader").status_code == 403
    body = {"server_group": {"name": "apart", "policy": "affinity"}}
    refused = client.ask("POST", "/os-server-groups", body, roles="reader")
    assert refused.status_code == 403
