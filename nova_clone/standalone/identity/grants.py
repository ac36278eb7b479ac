"""Roles of users in projects, in domains and in the system."""

from __future__ import annotations

from typing import Any

import falcon

from nova_clone.domain import errors
from nova_clone.standalone.identity.directory import IMPLIED_ROLES, SYSTEM
from nova_clone.standalone.identity.door import Door, base_url, flag, page
from nova_clone.standalone.identity.nouns import role_view
from nova_clone.standalone.identity.records import Assignment, Role
from nova_clone.standalone.wire import send_json


class GrantsResource:
    """The roles of one user in one ``project``, one ``domain`` or the ``system``."""

    def __init__(self, door: Door, scope: str) -> None:
        self._door = door
        self._scope = scope

    def on_get(
        self, req: falcon.Request, resp: falcon.Response, user_id: str, key: str = SYSTEM
    ) -> None:
        """List the roles that were given, without implied ones."""
        self._door.reader_of_all(req)
        _check(self._door, scope=self._scope, scope_id=key, user_id=user_id)
        given = self._door.directory.granted(user_id=user_id, scope=self._scope, scope_id=key)
        send_json(resp, page(req, "roles", [role_view(role) for role in given]))


class GrantResource:
    """One role of one user in one ``project``, one ``domain`` or the ``system``."""

    def __init__(self, door: Door, scope: str) -> None:
        self._door = door
        self._scope = scope

    def on_put(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        user_id: str,
        role_id: str,
        key: str = SYSTEM,
    ) -> None:
        """Give the role."""
        self._door.admin(req)
        _check(self._door, scope=self._scope, scope_id=key, user_id=user_id)
        self._door.directory.roles.get(role_id)
        self._door.directory.grant(
            user_id=user_id, role_id=role_id, scope=self._scope, scope_id=key
        )
        resp.status = falcon.HTTP_204

    def on_head(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        user_id: str,
        role_id: str,
        key: str = SYSTEM,
    ) -> None:
        """Tell whether the user has the role."""
        self._door.reader_of_all(req)
        held = self._door.directory.has_grant(
            user_id=user_id, role_id=role_id, scope=self._scope, scope_id=key
        )
        if not held:
            raise errors.NotFound(f"Could not find role assignment with role: {role_id}.")
        resp.status = falcon.HTTP_204

    on_get = on_head

    def on_delete(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        user_id: str,
        role_id: str,
        key: str = SYSTEM,
    ) -> None:
        """Take the role away."""
        self._door.admin(req)
        self._door.directory.withdraw(
            user_id=user_id, role_id=role_id, scope=self._scope, scope_id=key
        )
        resp.status = falcon.HTTP_204


class AssignmentsResource:
    """``/v3/role_assignments``."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List who has which role where."""
        self._door.reader_of_all(req)
        effective = flag(req, "effective")
        named = flag(req, "include_names")
        wanted_role = req.get_param("role.id")
        items = []
        for assignment in self._door.directory.assignments.list(**_where(req)):
            role = self._door.directory.roles.get(assignment.role_id)
            roles = self._door.directory.effective([role]) if effective else [role]
            items += [
                self._view(req, assignment, one, named=named)
                for one in roles
                if wanted_role in (None, one.id)
            ]
        send_json(resp, page(req, "role_assignments", items))

    def _view(
        self, req: falcon.Request, assignment: Assignment, role: Role, *, named: bool
    ) -> dict[str, Any]:
        directory = self._door.directory
        user: dict[str, Any] = {"id": assignment.user_id}
        scope: dict[str, Any] = {"id": assignment.scope_id}
        shown: dict[str, Any] = {"id": role.id}
        if named:
            shown["name"] = role.name
            known = directory.users.get(assignment.user_id)
            user |= {"name": known.name, "domain": self._domain(known.domain_id)}
            if assignment.scope == "project":
                project = directory.projects.get(assignment.scope_id)
                scope |= {"name": project.name, "domain": self._domain(project.domain_id)}
            elif assignment.scope == "domain":
                scope = self._domain(assignment.scope_id)
        if assignment.scope == "system":
            scope = {"all": True}
            path = "system"
        else:
            path = f"{assignment.scope}s/{assignment.scope_id}"
        itself = f"{base_url(req)}/v3/{path}/users/{assignment.user_id}/roles/{role.id}"
        return {
            "role": shown,
            "user": user,
            "scope": {assignment.scope: scope},
            "links": {"assignment": itself},
        }

    def _domain(self, domain_id: str) -> dict[str, str]:
        return {"id": domain_id, "name": self._door.directory.domains.get(domain_id).name}


class InferencesResource:
    """``/v3/role_inferences``."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List which role comes with which."""
        self._door.caller(req)
        named = self._door.directory.role_named
        rules = [
            {"prior_role": role_view(named(prior)), "implies": [role_view(named(implied))]}
            for prior, implied in IMPLIED_ROLES.items()
        ]
        send_json(resp, {"role_inferences": rules})


def _where(req: falcon.Request) -> dict[str, Any]:
    where: dict[str, Any] = {}
    if user_id := req.get_param("user.id"):
        where["user_id"] = user_id
    for scope in ("project", "domain"):
        if scope_id := req.get_param(f"scope.{scope}.id"):
            where |= {"scope": scope, "scope_id": scope_id}
    if req.get_param("scope.system"):
        where |= {"scope": "system", "scope_id": SYSTEM}
    if "group.id" in req.params:
        where["scope"] = ()
    return where


def _check(door: Door, *, scope: str, scope_id: str, user_id: str) -> None:
    found = {
        "project": door.directory.projects.find,
        "domain": door.directory.domains.find,
    }
    if scope in found and found[scope](scope_id) is None:
        raise errors.NotFound(f"Could not find {scope}: {scope_id}.")
    if door.directory.users.find(user_id) is None:
        raise errors.NotFound(f"Could not find user: {user_id}.")
