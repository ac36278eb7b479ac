"""What all resources of the REST API have in common: methods, headers, answers."""

from __future__ import annotations

import email.utils
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

import falcon

from nova_clone.domain.errors import NotFound
from nova_clone.domain.resources import Provider
from nova_clone.placement.snapshot import Snapshot
from nova_clone.placement.web.history import since
from nova_clone.web.call import Request

METHODS: Final = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
_CACHE_HEADERS: Final = since("1.15")


class Resource:
    """A path of the API; methods that a subclass does not have are refused.

    Left alone, falcon would answer OPTIONS and name it among the allowed methods.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        allowed = [method for method in METHODS if hasattr(cls, f"on_{method.lower()}")]
        for method in set(METHODS) - set(allowed):
            setattr(cls, f"on_{method.lower()}", _refusal(method, allowed))


def _refusal(method: str, allowed: list[str]) -> Callable[..., None]:
    def refuse(resource: object, req: Request, resp: falcon.Response, **params: str) -> NoReturn:
        raise not_allowed(method, allowed)

    return refuse


def not_allowed(method: str, allowed: Iterable[str]) -> falcon.HTTPMethodNotAllowed:
    """Return the error for a method that a path, or its version, does not know."""
    return falcon.HTTPMethodNotAllowed(
        list(allowed), description=f"The method {method} is not allowed for this resource."
    )


def answer(req: Request, resp: falcon.Response, body: Any, *moments: datetime | None) -> None:
    """Answer with a body that was last modified at the latest of `moments`, or now.

    Raises falcon's 406 when the caller does not take JSON.
    """
    if not req.client_accepts(falcon.MEDIA_JSON):
        raise falcon.HTTPNotAcceptable(description="Only application/json is provided")
    resp.media = body
    stamp(req, resp, *moments)


def stamp(req: Request, resp: falcon.Response, *moments: datetime | None) -> None:
    """Tell when what is answered was last modified, in the versions that do."""
    if not _CACHE_HEADERS.holds(req.context.version):
        return
    latest = max((moment for moment in moments if moment is not None), default=None)
    moment = (latest or datetime.now(UTC)).astimezone(UTC)
    resp.set_header("last-modified", email.utils.format_datetime(moment, usegmt=True))
    resp.set_header("cache-control", "no-cache")


def changed_at(provider: Provider) -> datetime | None:
    """Return when a provider was last changed."""
    return provider.updated_at or provider.created_at


def known(snapshot: Snapshot, provider_id: str) -> Provider:
    """Return a provider by its id; raises `NotFound`."""
    provider = snapshot.providers.get(canonical(provider_id))
    if provider is None:
        raise no_provider(provider_id)
    return provider


def no_provider(provider_id: str) -> NotFound:
    """Return the error for a provider that there is not."""
    return NotFound(f"No resource provider with uuid {provider_id[:80]} found")


def canonical(text: str) -> str:
    """Return a UUID in its usual form, and any other text as it is."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return text


def location(req: Request, *path: str) -> str:
    """Return the full address of a path of this service."""
    return "/".join((req.context.link_root, *path))
