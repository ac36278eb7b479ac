"""Who there is, and which roles they have where."""

from __future__ import annotations

import uuid
from typing import TypeVar

from nova_clone.domain import errors
from nova_clone.standalone.documents import Collection, DocumentStore
from nova_clone.standalone.identity.records import (
    DEFAULT_DOMAIN,
    ApplicationCredential,
    Assignment,
    Domain,
    Endpoint,
    Project,
    Region,
    Revocation,
    Role,
    Service,
    User,
)

#: A role and the one that comes with it.
IMPLIED_ROLES = {"admin": "manager", "manager": "member", "member": "reader"}
BUILT_IN_ROLES = ("admin", "manager", "member", "reader", "service")
SYSTEM = "all"

Named = TypeVar("Named", User, Project)


class Directory:
    """Every collection of the identity service and the questions asked of several."""

    def __init__(self, store: DocumentStore) -> None:
        self.transaction = store.transaction
        self.domains = store.collection("domains", Domain, unique=(("name",),))
        self.projects = store.collection("projects", Project, unique=(("domain_id", "name"),))
        self.users = store.collection("users", User, unique=(("domain_id", "name"),))
        self.roles = store.collection("roles", Role, unique=(("name",),))
        self.assignments = store.collection(
            "assignments", Assignment, indexes=("user_id", "scope_id")
        )
        self.regions = store.collection("regions", Region)
        self.services = store.collection("services", Service)
        self.endpoints = store.collection("endpoints", Endpoint)
        self.credentials = store.collection(
            "credentials", ApplicationCredential, unique=(("user_id", "name"),)
        )
        self.revocations = store.collection("revocations", Revocation, key="audit_id")
        self._ensure_built_in()

    def _ensure_built_in(self) -> None:
        with self.transaction():
            if self.domains.find(DEFAULT_DOMAIN) is None:
                self.domains.insert(
                    Domain(id=DEFAULT_DOMAIN, name="Default", description="Owns users and projects")
                )
            known = {role.name for role in self.roles.list()}
            for name in BUILT_IN_ROLES:
                if name not in known:
                    self.roles.insert(Role(id=uuid.uuid4().hex, name=name))

    def domain_by(self, *, id: str | None = None, name: str | None = None) -> Domain | None:  # noqa: A002
        """Return the domain with this id or else this name."""
        if id is not None:
            return self.domains.find(id)
        return next(iter(self.domains.list(name=name)), None)

    def user_named(self, name: str, *, domain_id: str) -> User | None:
        """Return the user of this name in the domain."""
        return _only(self.users, name, domain_id)

    def project_named(self, name: str, *, domain_id: str) -> Project | None:
        """Return the project of this name in the domain."""
        return _only(self.projects, name, domain_id)

    def role_named(self, name: str) -> Role:
        """Return the role of this name, or raise NotFound."""
        found = self.roles.list(name=name)
        if not found:
            raise errors.NotFound(f"Could not find role: {name}.")
        return found[0]

    def grant(self, *, user_id: str, role_id: str, scope: str, scope_id: str) -> None:
        """Give a user a role; nothing happens if the user has it already."""
        self.assignments.put(
            Assignment(
                id=_assignment_id(user_id, role_id, scope, scope_id),
                user_id=user_id,
                role_id=role_id,
                scope=scope,
                scope_id=scope_id,
            )
        )

    def has_grant(self, *, user_id: str, role_id: str, scope: str, scope_id: str) -> bool:
        """Tell whether the user was given this very role here."""
        found = self.assignments.find(_assignment_id(user_id, role_id, scope, scope_id))
        return found is not None

    def withdraw(self, *, user_id: str, role_id: str, scope: str, scope_id: str) -> None:
        """Take a role away, or raise NotFound."""
        self.assignments.delete(_assignment_id(user_id, role_id, scope, scope_id))

    def granted(self, *, user_id: str, scope: str, scope_id: str) -> list[Role]:
        """Return the roles that a user was given in a scope."""
        held = self.assignments.list(user_id=user_id, scope=scope, scope_id=scope_id)
        return self.roles.list(id=[one.role_id for one in held])

    def effective(self, given: list[Role]) -> list[Role]:
        """Return these roles and all they imply."""
        names = {role.name for role in given}
        for stronger, weaker in IMPLIED_ROLES.items():
            if stronger in names:
                names.add(weaker)
        return self.roles.list(name=sorted(names))

    def projects_of(self, user_id: str) -> list[Project]:
        """Return the enabled projects in which a user has any role."""
        held = self.assignments.list(user_id=user_id, scope="project")
        return self.projects.list(id=sorted({one.scope_id for one in held}), enabled=True)

    def domains_of(self, user_id: str) -> list[Domain]:
        """Return the enabled domains in which a user has any role."""
        held = self.assignments.list(user_id=user_id, scope="domain")
        return self.domains.list(id=sorted({one.scope_id for one in held}), enabled=True)

    def forget_user(self, user_id: str) -> None:
        """Remove a user with all that hangs on it, or raise NotFound."""
        with self.transaction():
            self.users.delete(user_id)
            self.assignments.delete_where(user_id=user_id)
            self.credentials.delete_where(user_id=user_id)

    def forget_project(self, project_id: str) -> None:
        """Remove a project with the roles in it, or raise NotFound."""
        with self.transaction():
            self.projects.delete(project_id)
            self.assignments.delete_where(scope="project", scope_id=project_id)
            self.credentials.delete_where(project_id=project_id)

    def forget_role(self, role_id: str) -> None:
        """Remove a role wherever it was given, or raise NotFound."""
        with self.transaction():
            if self.roles.get(role_id).name in BUILT_IN_ROLES:
                raise errors.Forbidden("This role is part of the service and stays.")
            self.roles.delete(role_id)
            self.assignments.delete_where(role_id=role_id)

    def forget_domain(self, domain_id: str) -> None:
        """Remove a disabled domain and everything in it."""
        with self.transaction():
            domain = self.domains.get(domain_id)
            if domain.enabled or domain_id == DEFAULT_DOMAIN:
                raise errors.Forbidden(
                    "Cannot delete a domain that is enabled, please disable it first."
                )
            for project in self.projects.list(domain_id=domain_id):
                self.forget_project(project.id)
            for user in self.users.list(domain_id=domain_id):
                self.forget_user(user.id)
            self.assignments.delete_where(scope="domain", scope_id=domain_id)
            self.domains.delete(domain_id)

    def forget_service(self, service_id: str) -> None:
        """Remove a service with its endpoints, or raise NotFound."""
        with self.transaction():
            self.services.delete(service_id)
            self.endpoints.delete_where(service_id=service_id)


def _only(collection: Collection[Named], name: str, domain_id: str) -> Named | None:
    return next(iter(collection.list(domain_id=domain_id, name=name)), None)


def _assignment_id(user_id: str, role_id: str, scope: str, scope_id: str) -> str:
    return f"{scope}:{scope_id}:{user_id}:{role_id}"
