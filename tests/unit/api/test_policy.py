from __future__ import annotations

import pytest

from nova_clone.api.rules import RULES
from nova_clone.web.policy import (
    ADMIN,
    ADMIN_OR_USER,
    ANYBODY,
    BASE_RULES,
    MEMBER,
    READER,
    Rule,
)
from tests.unit.api.builders import PROJECT, SERVER_ID
from tests.unit.api.conftest import Client
from tests.unit.api.fake_conductor import FakeConductor

OWN = [rule for rule in RULES if rule not in BASE_RULES]
USERS = f"({ADMIN}) or user_id:%(user_id)s"


def test_names_are_unique_and_novas() -> None:
    names = [rule.name for rule in RULES]
    assert len(names) == len(set(names))
    prefixes = ("os_compute_api:", "compute:", "network:")
    assert [rule.name for rule in OWN if not rule.name.startswith(prefixes)] == []


@pytest.mark.parametrize("rule", OWN, ids=lambda rule: rule.name)
def test_every_rule_says_what_it_guards(rule: Rule) -> None:
    assert rule.description.endswith(".")
    assert rule.operations
    assert rule.default in {ADMIN, ADMIN_OR_USER, ANYBODY, MEMBER, READER, USERS}


SERVER = f"/servers/{SERVER_ID}"
#: Method, path, body, and who may: the roles of a user of the server's project.
MATRIX = [
    ("GET", "/servers", None, {"reader", "member", "admin"}),
    ("GET", "/servers/detail", None, {"reader", "member", "admin"}),
    ("GET", SERVER, None, {"reader", "member", "admin"}),
    ("PUT", SERVER, {"server": {}}, {"member", "admin"}),
    ("DELETE", SERVER, None, {"member", "admin"}),
    ("POST", f"{SERVER}/action", {"os-start": None}, {"member", "admin"}),
    ("POST", f"{SERVER}/action", {"os-getConsoleOutput": {}}, {"member", "admin"}),
    ("GET", f"{SERVER}/ips", None, {"reader", "member", "admin"}),
    ("GET", f"{SERVER}/metadata", None, {"reader", "member", "admin"}),
    ("PUT", f"{SERVER}/metadata", {"metadata": {}}, {"member", "admin"}),
    ("GET", f"{SERVER}/os-interface", None, {"reader", "member", "admin"}),
    ("GET", f"{SERVER}/os-volume_attachments", None, {"reader", "member", "admin"}),
    ("GET", f"{SERVER}/os-instance-actions", None, {"reader", "member", "admin"}),
    ("GET", "/flavors", None, {"", "reader", "member", "admin"}),
    ("GET", "/flavors/1/os-extra_specs", None, {"reader", "member", "admin"}),
    ("DELETE", "/flavors/1", None, {"admin"}),
    ("GET", "/os-keypairs", None, {"", "reader", "member", "admin"}),
    ("GET", "/limits", None, {"", "reader", "member", "admin"}),
    ("GET", f"/os-quota-sets/{PROJECT}", None, {"reader", "member", "admin"}),
    ("GET", "/os-availability-zone", None, {"", "reader", "member", "admin"}),
    ("GET", "/os-availability-zone/detail", None, {"admin"}),
    ("GET", "/os-services", None, {"admin"}),
    ("GET", "/os-hypervisors", None, {"admin"}),
    ("GET", "/extensions", None, {"", "reader", "member", "admin"}),
]


#: Who a test is, and the roles that the identity service gives such a user.
ROLES = {"": "", "reader": "reader", "member": "reader,member", "admin": "admin,reader,member"}


@pytest.mark.parametrize("who", ROLES)
@pytest.mark.parametrize("row", MATRIX, ids=lambda row: f"{row[0]} {row[1]}")
def test_who_may(
    client: Client,
    conductor: FakeConductor,
    row: tuple[str, str, object, set[str]],
    who: str,
) -> None:
    method, path, body, may = row
    status = client.ask(method, path, body, roles=ROLES[who]).status_code
    assert (status < 400) == (who in may)
    assert status in (200, 202, 204, 403)


def test_extra_specs_hide_from_those_who_may_not_see_them(client: Client) -> None:
    assert "extra_specs" in client.get("/flavors/1").json["flavor"]
    assert "extra_specs" not in client.get("/flavors/1", roles="nothing").json["flavor"]
