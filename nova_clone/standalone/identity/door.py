"""What every resource of the identity service starts with: who asks, and may they."""

from __future__ import annotations

from typing import Any

import falcon

from nova_clone.domain import errors
from nova_clone.standalone.authentication import TokenRecord, authenticate
from nova_clone.standalone.identity.directory import Directory
from nova_clone.standalone.identity.login import Login
from nova_clone.standalone.identity.tokens import SealedTokens

#: Where a proxy may mount the service besides the root.
PREFIX = "/identity"


class Door:
    """The parts of the service as its resources use them."""

    def __init__(self, directory: Directory, tokens: SealedTokens, login: Login) -> None:
        self.directory = directory
        self.tokens = tokens
        self.login = login

    def caller(self, request: falcon.Request) -> TokenRecord:
        """Return who asks, or raise Unauthorized."""
        return authenticate(request, self.tokens)

    def admin(self, request: falcon.Request) -> TokenRecord:
        """Return who asks if it is an administrator, else raise Forbidden."""
        caller = self.caller(request)
        if not caller.is_admin:
            raise forbidden()
        return caller

    def reader_of_all(self, request: falcon.Request) -> TokenRecord:
        """Return who asks if it may see everything, else raise Forbidden."""
        caller = self.caller(request)
        if not may_read_all(caller):
            raise forbidden()
        return caller

    def owner(self, request: falcon.Request, user_id: str) -> TokenRecord:
        """Return who asks if it is this user or an administrator, else raise Forbidden."""
        caller = self.caller(request)
        if caller.user_id != user_id and not caller.is_admin:
            raise forbidden()
        return caller


class StripPrefix:
    """Falcon middleware: serves the same paths below `PREFIX`."""

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Take the prefix off the path that is routed."""
        req.context.mount = ""
        if req.path == PREFIX or req.path.startswith(PREFIX + "/"):
            req.context.mount = PREFIX
            req.path = req.path[len(PREFIX) :] or "/"


def may_read_all(caller: TokenRecord) -> bool:
    """Tell whether the caller may see the things of every project."""
    return caller.is_admin or caller.is_service or (caller.system and "reader" in caller.roles)


def forbidden() -> errors.Forbidden:
    """Return the error for somebody who may not do this."""
    return errors.Forbidden("You are not authorized to perform the requested action.")


def base_url(request: falcon.Request) -> str:
    """Return the URL of the service as this client reaches it."""
    return f"{request.prefix}{request.context.mount}"


def page(request: falcon.Request, name: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the body of a list; there is always one page."""
    itself = f"{base_url(request)}{request.relative_uri}"
    return {name: items, "links": {"self": itself, "previous": None, "next": None}}


def flag(request: falcon.Request, name: str) -> bool:
    """Tell whether a query flag is set; naming it without a value sets it."""
    if name not in request.params:
        return False
    return (request.get_param(name) or "").lower() not in ("0", "false", "no")
