"""What users do with their own accounts."""

from __future__ import annotations

import dataclasses
import secrets
import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

import falcon
import msgspec

from nova_clone.domain import errors
from nova_clone.standalone.authentication import TokenRecord
from nova_clone.standalone.identity.door import Door, base_url, forbidden, page
from nova_clone.standalone.identity.nouns import project_view
from nova_clone.standalone.identity.records import ApplicationCredential, Name, Role, Text
from nova_clone.standalone.wire import read_json, send_json


class _RoleRef(msgspec.Struct, frozen=True, kw_only=True):
    id: str | None = None
    name: str | None = None


class _CredentialInput(msgspec.Struct, frozen=True, kw_only=True):
    name: Name
    description: Text | None = ""
    secret: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] | None = None
    roles: tuple[_RoleRef, ...] | None = None
    unrestricted: bool = False
    expires_at: str | None = None


class PasswordResource:
    """``/v3/users/{key}/password``."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def on_post(self, req: falcon.Request, resp: falcon.Response, key: str) -> None:
        """Change a password by knowing the old one; the user's tokens end."""
        body = read_json(req).get("user")
        if not isinstance(body, dict):
            raise errors.Invalid("Expecting to find user in the request body.")
        old, new = body.get("original_password"), body.get("password")
        if not isinstance(old, str) or not isinstance(new, str):
            raise errors.Invalid("Expecting to find original_password and password in user.")
        user = self._door.directory.users.find(key)
        if not self._door.login.check_password(user, old) or user is None:
            raise errors.Unauthorized
        hashed = self._door.login.hash_password(new)
        changed = dataclasses.replace(
            user, password_hash=hashed, tokens_valid_from=datetime.now(UTC)
        )
        self._door.directory.users.replace(changed, expected=user)
        resp.status = falcon.HTTP_204


class UserProjectsResource:
    """``/v3/users/{key}/projects``."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def on_get(self, req: falcon.Request, resp: falcon.Response, key: str) -> None:
        """List the projects in which the user has a role."""
        self._door.owner(req, key)
        found = self._door.directory.projects_of(key)
        send_json(resp, page(req, "projects", [project_view(one) for one in found]))


class CredentialsResource:
    """``/v3/users/{key}/application_credentials``."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def on_get(self, req: falcon.Request, resp: falcon.Response, key: str) -> None:
        """List the user's application credentials."""
        self._door.owner(req, key)
        where: dict[str, Any] = {"user_id": key}
        if name := req.get_param("name"):
            where["name"] = name
        found = self._door.directory.credentials.list(**where)
        items = [_view(self._door, req, one) for one in found]
        send_json(resp, page(req, "application_credentials", items))

    def on_post(self, req: falcon.Request, resp: falcon.Response, key: str) -> None:
        """Make a credential for the caller in the project of its token."""
        caller = self._door.caller(req)
        if caller.user_id != key or caller.project_id is None:
            raise forbidden()
        self._refuse_restricted(req)
        given = _parse(read_json(req).get("application_credential"))
        secret = given.secret or secrets.token_urlsafe(48)
        credential = ApplicationCredential(
            id=uuid.uuid4().hex,
            name=given.name,
            user_id=key,
            project_id=caller.project_id,
            role_ids=tuple(role.id for role in self._chosen(caller, given.roles)),
            secret_hash=self._door.login.hash_password(secret),
            description=given.description,
            unrestricted=given.unrestricted,
            expires_at=_moment(given.expires_at),
        )
        self._door.directory.credentials.insert(credential)
        view = {**_view(self._door, req, credential), "secret": secret}
        send_json(resp, {"application_credential": view}, status=201)

    def _refuse_restricted(self, req: falcon.Request) -> None:
        bearer = self._door.tokens.open(req.get_header("X-Auth-Token") or "")
        if bearer.credential is not None and not bearer.credential.unrestricted:
            raise forbidden()

    def _chosen(self, caller: TokenRecord, asked: tuple[_RoleRef, ...] | None) -> list[Role]:
        held = self._door.directory.roles.list(name=caller.roles)
        if asked is None:
            return held
        chosen = [
            role
            for role in held
            if any(role.id == ref.id or role.name == ref.name for ref in asked)
        ]
        if len(chosen) != len(asked):
            raise errors.Invalid("A role of the application credential is not the user's.")
        return chosen


class CredentialResource:
    """``/v3/users/{key}/application_credentials/{credential_id}``."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def on_get(
        self, req: falcon.Request, resp: falcon.Response, key: str, credential_id: str
    ) -> None:
        """Show a credential without its secret."""
        self._door.owner(req, key)
        view = _view(self._door, req, self._found(key, credential_id))
        send_json(resp, {"application_credential": view})

    def on_delete(
        self, req: falcon.Request, resp: falcon.Response, key: str, credential_id: str
    ) -> None:
        """Remove a credential; its tokens end."""
        self._door.owner(req, key)
        self._door.directory.credentials.delete(self._found(key, credential_id).id)
        resp.status = falcon.HTTP_204

    def _found(self, user_id: str, credential_id: str) -> ApplicationCredential:
        found = self._door.directory.credentials.find(credential_id)
        if found is None or found.user_id != user_id:
            raise errors.NotFound(f"Could not find application credential: {credential_id}.")
        return found


def _parse(body: Any) -> _CredentialInput:
    try:
        return msgspec.convert(body, _CredentialInput)
    except msgspec.ValidationError as error:
        raise errors.Invalid(f"Invalid input for application_credential: {error}") from error


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise errors.Invalid("Invalid input for expires_at.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _view(door: Door, req: falcon.Request, credential: ApplicationCredential) -> dict[str, Any]:
    roles = door.directory.roles.list(id=credential.role_ids)
    itself = (
        f"{base_url(req)}/v3/users/{credential.user_id}/application_credentials/{credential.id}"
    )
    expires = credential.expires_at
    return {
        "id": credential.id,
        "name": credential.name,
        "description": credential.description,
        "project_id": credential.project_id,
        "user_id": credential.user_id,
        "roles": [{"id": role.id, "name": role.name, "domain_id": None} for role in roles],
        "unrestricted": credential.unrestricted,
        "expires_at": expires.strftime("%Y-%m-%dT%H:%M:%S.%f") if expires else None,
        "links": {"self": itself},
    }
