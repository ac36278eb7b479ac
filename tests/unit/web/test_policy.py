from __future__ import annotations

import os
from pathlib import Path

import pytest

from nova_clone.domain.errors import Forbidden
from nova_clone.domain.identity import ProjectId, RequestContext, RequestId, UserId
from nova_clone.web.policy import (
    ADMIN,
    ADMIN_OR_USER,
    ANYBODY,
    BASE_RULES,
    MANAGER,
    MEMBER,
    NOBODY,
    READER,
    SERVICE,
    Deprecated,
    Policy,
    PolicySettings,
    Rule,
)

LEVELS = {
    "any": ANYBODY,
    "nobody": NOBODY,
    "reader": READER,
    "member": MEMBER,
    "manager": MANAGER,
    "admin": ADMIN,
    "service": SERVICE,
}
RULES = (
    *BASE_RULES,
    *(Rule(name=name, default=default) for name, default in LEVELS.items()),
    Rule(name="keypairs", default=ADMIN_OR_USER, operations=(("GET", "/os-keypairs"),)),
    Rule(
        name="renamed",
        default=NOBODY,
        description="Shows that an older name is honoured.",
        operations=(("GET", "/renamed"),),
        deprecated=Deprecated(name="former", default=NOBODY, reason="It was renamed.", since="1"),
    ),
)


def caller(*roles: str, project: str = "p1", system: str | None = None) -> RequestContext:
    return RequestContext(
        request_id=RequestId("req-1"),
        user_id=UserId("u1"),
        project_id=ProjectId(project),
        roles=roles,
        system_scope=system,
    )


def policy(directory: Path | str = "/nonexistent") -> Policy:
    return Policy(RULES, PolicySettings(config_dirs=(str(directory),)))


@pytest.fixture(scope="module")
def defaults() -> Policy:
    return policy()


@pytest.mark.parametrize(
    ("roles", "allowed"),
    [
        ((), {"any"}),
        (("reader",), {"any", "reader"}),
        (("member", "reader"), {"any", "reader", "member"}),
        (("manager", "member", "reader"), {"any", "reader", "member", "manager"}),
        (("admin",), {"any", "reader", "member", "manager", "admin", "service"}),
        (("service",), {"any", "service"}),
    ],
)
def test_levels(defaults: Policy, roles: tuple[str, ...], allowed: set[str]) -> None:
    assert defaults.bind(caller(*roles)).visible(LEVELS) == allowed


@pytest.mark.parametrize(("role", "allowed"), [("member", False), ("admin", True)])
def test_another_project_is_for_admins(defaults: Policy, role: str, allowed: bool) -> None:
    target = {"project_id": "p2", "user_id": "u2"}
    assert defaults.permits(caller(role, "reader"), "reader", target) is allowed
    assert defaults.permits(caller(role, "reader"), "keypairs", target) is allowed


def test_a_system_scoped_token_is_out_of_scope(defaults: Policy) -> None:
    assert not defaults.permits(caller("admin", system="all"), "admin")
    assert defaults.is_admin(caller("admin", system="all"))


def test_a_refusal_names_the_rule(defaults: Policy) -> None:
    with pytest.raises(Forbidden, match=r"^Policy doesn't allow admin to be performed\.$"):
        defaults.allow(caller("member"), "admin")
    defaults.allow(caller("admin"), "admin")


def test_an_unregistered_rule_is_a_mistake_of_ours(defaults: Policy) -> None:
    with pytest.raises(KeyError):
        defaults.permits(caller("admin"), "unheard:of")


def test_the_base_rules_are_those_of_nova() -> None:
    assert len(BASE_RULES) == 11
    assert {"context_is_admin", "project_reader_or_admin", "service_or_admin"} <= {
        rule.name for rule in policy().rules
    }


def test_the_policy_file_overrides_defaults_and_later_changes_count(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text('"reader": "!"\n')
    checked = policy(tmp_path)
    assert not checked.permits(caller("reader"), "reader")
    file.write_text('"reader": "role:observer"\n"context_is_admin": "role:root"\n')
    checked.refresh()
    assert checked.permits(caller("observer"), "reader")
    assert not checked.is_admin(caller("admin"))
    assert checked.is_admin(caller("root"))
    file.write_text('"reader": [}\n')
    checked.refresh()
    assert checked.permits(caller("observer"), "reader")
    file.unlink()
    checked.refresh()
    assert checked.permits(caller("reader"), "reader")


def test_policy_directories_come_on_top_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text('"reader": "!"\n"member": "!"\n')
    checked = policy(tmp_path)
    (tmp_path / "policy.d").mkdir()
    (tmp_path / "policy.d" / "10-reader.yaml").write_text('"reader": "@"\n')
    os.utime(tmp_path / "policy.yaml")
    checked.refresh()
    assert checked.permits(caller(), "reader")
    assert not checked.permits(caller("member"), "member")


def test_a_verdict_is_taken_once_per_request_and_target(tmp_path: Path) -> None:
    checked = policy(tmp_path)
    verdicts = checked.bind(caller("reader"))
    other = {"project_id": "p2", "user_id": "u1"}
    assert (verdicts.permits("reader"), verdicts.permits("reader", other)) == (True, False)
    (tmp_path / "policy.yaml").write_text('"reader": "!"\n')
    checked.refresh()
    assert verdicts.permits("reader")
    assert not checked.permits(caller("reader"), "reader")
