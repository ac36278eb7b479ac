"""``/v3/auth``: tokens, and what their bearer may reach."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import falcon

from nova_clone.domain import errors
from nova_clone.standalone.identity.catalog import catalog
from nova_clone.standalone.identity.directory import SYSTEM
from nova_clone.standalone.identity.door import Door, base_url, flag, forbidden, page
from nova_clone.standalone.identity.nouns import domain_view, project_view
from nova_clone.standalone.identity.tokens import Bearer
from nova_clone.standalone.wire import read_json, send_json


class TokensResource:
    """``/v3/auth/tokens``."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Issue a token."""
        token, bearer = self._door.login.log_in(read_json(req))
        resp.set_header("X-Subject-Token", token)
        resp.append_header("Vary", "X-Auth-Token")
        send_json(resp, {"token": self._view(req, bearer)}, status=201)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Tell what a token says."""
        token, bearer = self._subject(req)
        resp.set_header("X-Subject-Token", token)
        resp.append_header("Vary", "X-Auth-Token")
        send_json(resp, {"token": self._view(req, bearer)})

    def on_head(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Tell whether a token is valid."""
        self.on_get(req, resp)

    def on_delete(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Revoke a token."""
        token, _ = self._subject(req)
        self._door.tokens.revoke(token)
        resp.status = falcon.HTTP_204

    def _subject(self, req: falcon.Request) -> tuple[str, Bearer]:
        caller = self._door.caller(req)
        token = req.get_header("X-Subject-Token")
        if not token:
            raise errors.Invalid("Expecting to find X-Subject-Token in the request headers.")
        trusted = caller.is_admin or caller.is_service
        try:
            bearer = self._door.tokens.open(
                token, allow_expired=trusted and flag(req, "allow_expired")
            )
        except errors.Unauthorized as error:
            raise errors.NotFound("Could not find token.") from error
        if not trusted and caller.user_id != bearer.user.id:
            raise forbidden()
        return token, bearer

    def _view(self, req: falcon.Request, bearer: Bearer) -> dict[str, Any]:
        view = _token_view(self._door, bearer)
        statement = bearer.statement
        scoped = bearer.project is not None or statement.domain_id or statement.system
        if scoped and not flag(req, "nocatalog"):
            view["catalog"] = catalog(
                self._door.directory, project_id=bearer.project.id if bearer.project else None
            )
        return view


class CatalogResource:
    """``/v3/auth/catalog``."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Tell the catalog of the caller's project."""
        caller = self._door.caller(req)
        entries = catalog(self._door.directory, project_id=caller.project_id)
        send_json(resp, page(req, "catalog", entries))


class ReachableResource:
    """``/v3/auth/projects``, ``/v3/auth/domains`` and ``/v3/auth/system``."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def on_get(self, req: falcon.Request, resp: falcon.Response, what: str) -> None:
        """List what the caller may ask a token for."""
        caller = self._door.caller(req)
        directory = self._door.directory
        items: list[dict[str, Any]]
        if what == "projects":
            items = [project_view(one) for one in directory.projects_of(caller.user_id)]
        elif what == "domains":
            items = [domain_view(one) for one in directory.domains_of(caller.user_id)]
        elif what == "system":
            held = directory.granted(user_id=caller.user_id, scope="system", scope_id=SYSTEM)
            items = [{"all": True}] if held else []
        else:
            raise errors.NotFound
        for item in items:
            if "id" in item:
                item["links"] = {"self": f"{base_url(req)}/v3/{what}/{item['id']}"}
        send_json(resp, page(req, what, items))


def _token_view(door: Door, bearer: Bearer) -> dict[str, Any]:
    statement = bearer.statement
    audit_ids = [statement.audit_id]
    if statement.parent_audit_id:
        audit_ids.append(statement.parent_audit_id)
    view: dict[str, Any] = {
        "methods": list(statement.methods),
        "user": {
            "id": bearer.user.id,
            "name": bearer.user.name,
            "domain": _domain_ref(door, bearer.user.domain_id),
            "password_expires_at": None,
        },
        "audit_ids": audit_ids,
        "issued_at": _text(bearer.record.issued_at),
        "expires_at": _text(bearer.record.expires_at),
    }
    if bearer.roles:
        view["roles"] = [{"id": role.id, "name": role.name} for role in bearer.roles]
    if bearer.project is not None:
        view["is_domain"] = False
        view["project"] = {
            "id": bearer.project.id,
            "name": bearer.project.name,
            "domain": _domain_ref(door, bearer.project.domain_id),
        }
    elif statement.domain_id is not None:
        view["domain"] = _domain_ref(door, statement.domain_id)
    elif statement.system:
        view["system"] = {"all": True}
    if bearer.credential is not None:
        view["application_credential"] = {
            "id": bearer.credential.id,
            "name": bearer.credential.name,
            "restricted": not bearer.credential.unrestricted,
        }
    return view


def _domain_ref(door: Door, domain_id: str) -> dict[str, str]:
    return {"id": domain_id, "name": door.directory.domains.get(domain_id).name}


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
