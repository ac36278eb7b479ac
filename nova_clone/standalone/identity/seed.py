"""The identity file: who must exist when the service starts.

It is YAML, for example::

    domains:
      - name: Partners
    roles: [auditor]
    projects:
      - name: demo
        description: The first tenant
    users:
      - name: demo
        password: secret              # or password_hash: $2b$...
        default_project: demo
        roles:
          - {role: member, project: demo}
          - {role: admin, system: true}
          - {role: reader, domain: Default}

Everything that has a name may have an ``id`` and, where it belongs to a domain, a
``domain`` (the name; Default unless given). What is missing is made at every start;
nothing is ever removed. A password is stored as a bcrypt hash; it overwrites the
user's own only when the file's password has changed since it was read last.
"""

from __future__ import annotations

import dataclasses
import os
import secrets
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import yaml

from nova_clone.domain import errors
from nova_clone.standalone.identity import passwords
from nova_clone.standalone.identity.directory import SYSTEM, Directory
from nova_clone.standalone.identity.records import Domain, Identifier, Name, Project, Role, User


class _Grant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    role: str
    project: str | None = None
    domain: str | None = None
    system: bool = False


class _Domain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Name
    id: Identifier | None = None
    description: str = ""


class _Project(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Name
    id: Identifier | None = None
    domain: str = "Default"
    description: str = ""


class _User(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Name
    id: Identifier | None = None
    domain: str = "Default"
    password: str | None = None
    password_hash: str | None = None
    email: str | None = None
    description: str = ""
    default_project: str | None = None
    roles: tuple[_Grant, ...] = ()


class IdentityFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of an identity file."""

    domains: tuple[_Domain, ...] = ()
    roles: tuple[Name, ...] = ()
    projects: tuple[_Project, ...] = ()
    users: tuple[_User, ...] = ()


def read_identity_file(path: Path) -> IdentityFile:
    """Return what the file says, or raise Invalid; the message repeats no value of it."""
    try:
        return msgspec.convert(yaml.safe_load(path.read_text("utf-8")) or {}, IdentityFile)
    except FileNotFoundError as error:
        raise errors.Invalid(f"There is no identity file {path}.") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise errors.Invalid(f"{path}, line {line}: {error.problem}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise errors.Invalid(f"{path} is not YAML.") from error
    except msgspec.ValidationError as error:
        raise errors.Invalid(f"{path}: {error}.") from None


class Seeder:
    """Brings a directory to what an identity file asks for."""

    def __init__(self, directory: Directory, *, rounds: int) -> None:
        self._directory = directory
        self._rounds = rounds

    def apply(self, wanted: IdentityFile) -> None:
        """Make what is missing, all of it or, when Invalid is raised, nothing."""
        with self._directory.transaction():
            for domain in wanted.domains:
                self._ensure_domain(domain)
            known = {role.name for role in self._directory.roles.list()}
            for name in wanted.roles:
                if name not in known:
                    self._directory.roles.insert(Role(id=uuid.uuid4().hex, name=name))
            for project in wanted.projects:
                self._ensure_project(project)
            for user in wanted.users:
                self._ensure_user(user)

    def _ensure_domain(self, wanted: _Domain) -> None:
        if self._directory.domain_by(name=wanted.name) is None:
            self._directory.domains.insert(
                Domain(id=_id(wanted.id), name=wanted.name, description=wanted.description)
            )

    def _ensure_project(self, wanted: _Project) -> None:
        domain_id = self._domain_id(wanted.domain)
        if self._directory.project_named(wanted.name, domain_id=domain_id) is None:
            self._directory.projects.insert(
                Project(
                    id=_id(wanted.id),
                    name=wanted.name,
                    domain_id=domain_id,
                    description=wanted.description,
                )
            )

    def _ensure_user(self, wanted: _User) -> None:
        domain_id = self._domain_id(wanted.domain)
        user = self._directory.user_named(wanted.name, domain_id=domain_id)
        if user is None:
            user = User(
                id=_id(wanted.id),
                name=wanted.name,
                domain_id=domain_id,
                email=wanted.email,
                description=wanted.description,
                default_project_id=self._project_id(wanted.default_project, domain_id),
            )
            self._directory.users.insert(user)
        user = self._with_password(user, wanted)
        self._directory.users.put(user)
        for grant in wanted.roles:
            self._grant(user, grant)

    def _with_password(self, user: User, wanted: _User) -> User:
        if (wanted.password is None) == (wanted.password_hash is None):
            raise errors.Invalid(f"User {wanted.name} needs a password or a password_hash.")
        if wanted.password_hash is not None:
            if not passwords.is_hash(wanted.password_hash):
                raise errors.Invalid(f"The password_hash of user {wanted.name} is not bcrypt's.")
            known = user.file_hash == wanted.password_hash
            fresh = wanted.password_hash
        else:
            password = wanted.password or ""
            known = user.file_hash is not None and passwords.matches(
                password, user.file_hash, rounds=self._rounds
            )
            fresh = "" if known else passwords.hash_password(password, rounds=self._rounds)
        if known:
            return user
        since = datetime.now(UTC) if user.password_hash else None
        return dataclasses.replace(
            user, password_hash=fresh, file_hash=fresh, tokens_valid_from=since
        )

    def _grant(self, user: User, wanted: _Grant) -> None:
        if bool(wanted.project) + bool(wanted.domain) + wanted.system != 1:
            raise errors.Invalid(
                f"A role of user {user.name} needs one of project, domain or system."
            )
        try:
            role_id = self._directory.role_named(wanted.role).id
        except errors.NotFound as error:
            raise errors.Invalid(f"There is no role {wanted.role}.") from error
        if wanted.project:
            scope, scope_id = "project", self._project_id(wanted.project, user.domain_id) or ""
        elif wanted.domain:
            scope, scope_id = "domain", self._domain_id(wanted.domain)
        else:
            scope, scope_id = "system", SYSTEM
        self._directory.grant(user_id=user.id, role_id=role_id, scope=scope, scope_id=scope_id)

    def _domain_id(self, name: str) -> str:
        domain = self._directory.domain_by(name=name)
        if domain is None:
            raise errors.Invalid(f"There is no domain {name}.")
        return domain.id

    def _project_id(self, name: str | None, domain_id: str) -> str | None:
        if name is None:
            return None
        project = self._directory.project_named(name, domain_id=domain_id)
        if project is None:
            raise errors.Invalid(f"There is no project {name}.")
        return project.id


def write_first_identity_file(path: Path, environment: Mapping[str, str]) -> bool:
    """Write an identity file with an administrator, the services' users and two tenants.

    ``OS_BOOTSTRAP_PASSWORD`` and ``OS_BOOTSTRAP_SERVICE_PASSWORD`` give the passwords
    of people and of services; a random one takes the place of a missing one.
    Returns False, and changes nothing, if there is such a file.
    """
    for_people = environment.get("OS_BOOTSTRAP_PASSWORD") or secrets.token_urlsafe(12)
    for_services = environment.get("OS_BOOTSTRAP_SERVICE_PASSWORD") or secrets.token_urlsafe(24)
    people = [_person("admin", for_people, "admin", system=True)]
    people += [_person(name, for_people, "member") for name in ("demo", "alt_demo")]
    services = [
        _service(name, for_services)
        for name in ("nova", "placement", "glance", "neutron", "cinder")
    ]
    projects = [{"name": name} for name in ("admin", "service", "demo", "alt_demo")]
    text = yaml.safe_dump({"projects": projects, "users": people + services}, sort_keys=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return True


def _person(name: str, password: str, role: str, *, system: bool = False) -> dict[str, object]:
    roles: list[dict[str, object]] = [{"role": role, "project": name}]
    if system:
        roles += [{"role": role, "system": True}, {"role": role, "domain": "Default"}]
    return {"name": name, "password": password, "default_project": name, "roles": roles}


def _service(name: str, password: str) -> dict[str, object]:
    roles = [{"role": role, "project": "service"} for role in ("admin", "service")]
    return {"name": name, "password": password, "default_project": "service", "roles": roles}


def _id(given: str | None) -> str:
    return given or uuid.uuid4().hex
