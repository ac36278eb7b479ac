"""Who a request comes from: the record behind a token, and the door that asks for one."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from datetime import datetime
from typing import Any, Protocol

import falcon

from nova_clone.domain import errors

UNAUTHORIZED = "The request you have made requires authentication."


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenRecord:
    """What a valid token says of its bearer; ``roles`` includes the implied ones."""

    audit_id: str
    user_id: str
    user_name: str
    user_domain_id: str
    issued_at: datetime
    expires_at: datetime
    methods: tuple[str, ...] = ("password",)
    project_id: str | None = None
    project_name: str | None = None
    project_domain_id: str | None = None
    domain_id: str | None = None
    system: bool = False
    roles: tuple[str, ...] = ()
    #: True when the bearer's service presented its own valid token beside this one.
    by_service: bool = False

    @property
    def is_admin(self) -> bool:
        """Tell whether the bearer may act on everybody's resources."""
        return "admin" in self.roles

    @property
    def is_service(self) -> bool:
        """Tell whether the bearer is one of the cloud's own services."""
        return "service" in self.roles


class Tokens(Protocol):
    """Whatever can tell who a token belongs to."""

    def validate(self, token: str, *, allow_expired: bool = False) -> TokenRecord:
        """Return what `token` says, or raise Unauthorized.

        With ``allow_expired`` a token is also good for a while after its expiry.
        """
        ...


def authenticate(request: falcon.Request, tokens: Tokens) -> TokenRecord:
    """Return the bearer of the request's X-Auth-Token, or raise Unauthorized.

    A valid X-Service-Token of a service lets an expired user token pass, so that
    long operations can end.
    """
    token = request.get_header("X-Auth-Token")
    if not token:
        raise errors.Unauthorized
    by_service = _is_service(request.get_header("X-Service-Token"), tokens)
    record = tokens.validate(token, allow_expired=by_service)
    return dataclasses.replace(record, by_service=by_service)


def _is_service(token: str | None, tokens: Tokens) -> bool:
    if not token:
        return False
    try:
        return tokens.validate(token).is_service
    except errors.Unauthorized:
        return False


class RequireToken:
    """Falcon middleware: puts a `TokenRecord` into ``req.context.token`` or answers 401."""

    def __init__(self, tokens: Tokens, *, auth_url: str, public: Collection[str] = ("/",)) -> None:
        self._tokens = tokens
        self._auth_url = auth_url
        self._public = frozenset(public)

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Authenticate every request but those for public paths."""
        if (req.path.rstrip("/") or "/") in self._public:
            return
        try:
            req.context.token = authenticate(req, self._tokens)
        except errors.Unauthorized:
            resp.status = falcon.HTTP_401
            resp.set_header("WWW-Authenticate", f'Keystone uri="{self._auth_url}"')
            resp.media = unauthorized_body()
            resp.complete = True


def unauthorized_body(message: str = UNAUTHORIZED) -> dict[str, Any]:
    """Return the body of a 401 as Keystone and its middleware word it."""
    return {"error": {"code": 401, "title": "Unauthorized", "message": message}}


def bearer(request: falcon.Request) -> TokenRecord:
    """Return the token record that `RequireToken` found for this request."""
    record = request.context.token
    if not isinstance(record, TokenRecord):
        raise errors.Unauthorized
    return record
