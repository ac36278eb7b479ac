from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from nova_clone.domain import errors
from nova_clone.standalone.documents import DocumentStore
from nova_clone.standalone.identity.directory import Directory
from nova_clone.standalone.identity.passwords import hash_password, matches
from nova_clone.standalone.identity.records import User
from nova_clone.standalone.identity.seed import (
    Seeder,
    read_identity_file,
    write_first_identity_file,
)

ONE_USER = """
users:
  - {{name: ann, {secret}}}
"""


class Place:
    def __init__(self, path: Path) -> None:
        self.file = path / "identity.yaml"
        self.store = DocumentStore(path / "identity.sqlite")
        self.directory = Directory(self.store)

    def load(self, text: str) -> None:
        self.file.write_text(text)
        Seeder(self.directory, rounds=4).apply(read_identity_file(self.file))

    def user(self, name: str) -> User:
        found = self.directory.user_named(name, domain_id="default")
        assert found is not None
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_plain_password_is_kept_only_as_a_hash(place: Place, tmp_path: Path) -> None:
    place.load(ONE_USER.format(secret="password: very-secret"))
    assert matches("very-secret", place.user("ann").password_hash, rounds=4)
    place.store.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("identity.sqlite*"))
    assert b"very-secret" not in kept
    assert "hash" not in repr(place.__dict__)


def test_a_hash_is_taken_as_it_is(place: Place) -> None:
    hashed = hash_password("other", rounds=4)
    place.load(ONE_USER.format(secret=f'password_hash: "{hashed}"'))
    assert place.user("ann").password_hash == hashed


def test_the_file_overrides_a_password_only_when_it_changed(place: Place) -> None:
    first = ONE_USER.format(secret="password: first")
    place.load(first)
    own = hash_password("own", rounds=4)
    place.directory.users.modify(place.user("ann").id, lambda user: _with_hash(user, own))
    place.load(first)
    assert place.user("ann").password_hash == own
    place.load(ONE_USER.format(secret="password: second"))
    assert matches("second", place.user("ann").password_hash, rounds=4)
    assert place.user("ann").tokens_valid_from is not None


def _with_hash(user: User, hashed: str) -> User:
    return User(id=user.id, name=user.name, password_hash=hashed, file_hash=user.file_hash)


def test_loading_twice_changes_nothing(place: Place) -> None:
    text = """
domains: [{name: Partners, id: partners}]
roles: [auditor]
projects: [{name: one, id: p1}, {name: two, domain: Partners}]
users:
  - name: ann
    id: u1
    password: secret
    default_project: one
    roles: [{role: auditor, project: one}, {role: reader, domain: Partners}]
  - {name: eve, domain: Partners, password: secret, roles: [{role: member, project: two}]}
"""
    place.load(text)
    once = [place.directory.users.list(), place.directory.assignments.list()]
    place.load(text)
    assert [place.directory.users.list(), place.directory.assignments.list()] == once
    ann = place.user("ann")
    assert (ann.id, ann.default_project_id) == ("u1", "p1")
    assert [one.name for one in place.directory.projects_of("u1")] == ["one"]


@pytest.mark.parametrize(
    "text",
    [
        "users: 5",
        "users: [{nam: x}]",
        "users: [{name: x}]",
        "users: [{name: x, password: p, password_hash: q}]",
        "users: [{name: x, password_hash: md5}]",
        "users: [{name: x, password: p, roles: [{role: none, project: x}]}]",
        "users: [{name: x, password: p, roles: [{role: admin}]}]",
        "users: [{name: x, password: p, roles: [{role: admin, project: none}]}]",
        "users: [{name: x, password: p, domain: none}]",
        "projects: [{name: ''}]",
        "users: [",
        "users: [{name: x, password: hunter2-secret, roles: 1}]",
        "\x00",
    ],
)
def test_a_bad_file_is_refused_and_nothing_of_it_kept(place: Place, text: str) -> None:
    with pytest.raises(errors.Invalid) as caught:
        place.load("projects: [{name: kept-not}]\n" + text if "projects" not in text else text)
    assert "hunter2" not in caught.value.message
    assert place.directory.users.count() == 0
    assert place.directory.projects.count() == 0


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(errors.Invalid, match=r"nowhere\.yaml"):
        read_identity_file(tmp_path / "nowhere.yaml")


def test_the_first_file_loads_and_is_not_overwritten(place: Place) -> None:
    environment = {"OS_BOOTSTRAP_PASSWORD": "people"}
    assert write_first_identity_file(place.file, environment) is True
    text = place.file.read_text()
    assert write_first_identity_file(place.file, {}) is False
    assert place.file.read_text() == text
    assert place.file.stat().st_mode & 0o777 == 0o600
    place.load(text)
    assert matches("people", place.user("demo").password_hash, rounds=4)
    passwords = {user["name"]: user["password"] for user in yaml.safe_load(text)["users"]}
    assert passwords["nova"] != "people"
    roles = place.directory.granted(user_id=place.user("admin").id, scope="system", scope_id="all")
    assert [role.name for role in roles] == ["admin"]


@pytest.mark.parametrize("password", ["x", "x" * 72, "x" * 73, "ünïcode" * 30, "nul\0nul", ""])
def test_passwords_of_every_length_match_only_themselves(password: str) -> None:
    hashed = hash_password(password, rounds=4)
    assert matches(password, hashed, rounds=4)
    assert not matches(password + "x", hashed, rounds=4)
    assert not matches(password, None, rounds=4)
    assert not matches(password, "not a hash", rounds=4)
