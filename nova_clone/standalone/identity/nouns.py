"""The kinds of the identity service: domains, projects, users, roles and the catalog's parts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from nova_clone.domain import errors
from nova_clone.standalone.authentication import TokenRecord
from nova_clone.standalone.documents import fields_of
from nova_clone.standalone.identity.door import Door
from nova_clone.standalone.identity.kinds import Kind
from nova_clone.standalone.identity.records import (
    DEFAULT_DOMAIN,
    Domain,
    Endpoint,
    Project,
    Region,
    Role,
    Service,
    User,
)


def kinds(door: Door) -> tuple[Kind[Any], ...]:
    """Return every kind that has the ordinary five verbs."""
    return (
        _domains(door),
        _projects(door),
        _users(door),
        _roles(door),
        _regions(door),
        _services(door),
        _endpoints(door),
    )


def user_view(user: User) -> dict[str, Any]:
    """Return a user as the API shows it: without any hash."""
    view: dict[str, Any] = {
        "id": user.id,
        "name": user.name,
        "domain_id": user.domain_id,
        "enabled": user.enabled,
        "description": user.description,
        "password_expires_at": None,
        "options": {},
    }
    if user.email is not None:
        view["email"] = user.email
    if user.default_project_id is not None:
        view["default_project_id"] = user.default_project_id
    return view


def project_view(project: Project) -> dict[str, Any]:
    """Return a project as the API shows it."""
    return {
        "id": project.id,
        "name": project.name,
        "domain_id": project.domain_id,
        "parent_id": project.domain_id,
        "is_domain": False,
        "description": project.description,
        "enabled": project.enabled,
        "tags": project.tags,
        "options": {},
    }


def domain_view(domain: Domain) -> dict[str, Any]:
    """Return a domain as the API shows it."""
    return {**fields_of(domain), "tags": [], "options": {}}


def role_view(role: Role) -> dict[str, Any]:
    """Return a role as the API shows it."""
    return {**fields_of(role), "domain_id": None, "options": {}}


def _domains(door: Door) -> Kind[Domain]:
    return Kind(
        singular="domain",
        plural="domains",
        collection=door.directory.domains,
        writable=frozenset({"name", "description", "enabled"}),
        filters=frozenset({"name", "enabled"}),
        view=domain_view,
        forget=door.directory.forget_domain,
        visible=lambda caller, key: key in (caller.domain_id, caller.project_domain_id),
    )


def _projects(door: Door) -> Kind[Project]:
    def visible(caller: TokenRecord, key: str) -> bool:
        return key == caller.project_id or any(
            project.id == key for project in door.directory.projects_of(caller.user_id)
        )

    return Kind(
        singular="project",
        plural="projects",
        collection=door.directory.projects,
        writable=frozenset({"name", "domain_id", "description", "enabled", "tags"}),
        fixed=frozenset({"domain_id"}),
        filters=frozenset({"name", "domain_id", "enabled"}),
        view=project_view,
        forget=door.directory.forget_project,
        visible=visible,
        prepare=lambda given, _: _in_domain(door, given),
    )


def _users(door: Door) -> Kind[User]:
    def prepare(given: dict[str, Any], old: User | None) -> dict[str, Any]:
        given = _in_domain(door, given)
        if "password" in given:
            password = given.pop("password")
            if password is not None and not isinstance(password, str):
                raise errors.Invalid("Invalid input for user: password is not text.")
            given["password_hash"] = door.login.hash_password(password) if password else None
            if old is not None:
                given["tokens_valid_from"] = datetime.now(UTC).isoformat()
        return given

    return Kind(
        singular="user",
        plural="users",
        collection=door.directory.users,
        writable=frozenset(
            {
                "name",
                "domain_id",
                "description",
                "email",
                "default_project_id",
                "enabled",
                "password",
            }
        ),
        fixed=frozenset({"domain_id"}),
        filters=frozenset({"name", "domain_id", "enabled"}),
        view=user_view,
        forget=door.directory.forget_user,
        visible=lambda caller, key: caller.user_id == key,
        prepare=prepare,
    )


def _roles(door: Door) -> Kind[Role]:
    return Kind(
        singular="role",
        plural="roles",
        collection=door.directory.roles,
        writable=frozenset({"name", "description"}),
        filters=frozenset({"name"}),
        view=role_view,
        forget=door.directory.forget_role,
    )


def _regions(door: Door) -> Kind[Region]:
    return Kind(
        singular="region",
        plural="regions",
        collection=door.directory.regions,
        writable=frozenset({"description", "parent_region_id"}),
        filters=frozenset({"parent_region_id"}),
        view=fields_of,
        forget=door.directory.regions.delete,
        id_given=True,
        public=True,
    )


def _services(door: Door) -> Kind[Service]:
    return Kind(
        singular="service",
        plural="services",
        collection=door.directory.services,
        writable=frozenset({"type", "name", "description", "enabled"}),
        filters=frozenset({"type", "name"}),
        view=fields_of,
        forget=door.directory.forget_service,
    )


def _endpoints(door: Door) -> Kind[Endpoint]:
    def prepare(given: dict[str, Any], old: Endpoint | None) -> dict[str, Any]:
        if "region" in given:
            given.setdefault("region_id", given.pop("region"))
        for name, collection in (
            ("service_id", door.directory.services),
            ("region_id", door.directory.regions),
        ):
            value = given.get(name)
            if value is not None and collection.find(str(value)) is None:
                raise errors.Invalid(f"Invalid input for endpoint: there is no {name} {value}.")
        return given

    return Kind(
        singular="endpoint",
        plural="endpoints",
        collection=door.directory.endpoints,
        writable=frozenset({"service_id", "interface", "url", "region_id", "region", "enabled"}),
        filters=frozenset({"service_id", "interface", "region_id"}),
        view=lambda endpoint: {**fields_of(endpoint), "region": endpoint.region_id},
        forget=door.directory.endpoints.delete,
        prepare=prepare,
    )


def _in_domain(door: Door, given: dict[str, Any]) -> dict[str, Any]:
    if given.get("domain_id", DEFAULT_DOMAIN) is None:
        del given["domain_id"]
    domain_id = given.get("domain_id", DEFAULT_DOMAIN)
    if door.directory.domains.find(str(domain_id)) is None:
        raise errors.NotFound(f"Could not find domain: {domain_id}.")
    return given
