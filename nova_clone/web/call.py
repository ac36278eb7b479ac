"""One HTTP call: who asks, in which version, and what the door knows about it."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import falcon

from nova_clone.domain.errors import Unauthorized
from nova_clone.domain.identity import RequestContext, RequestId, new_request_id
from nova_clone.web.policy import Verdicts
from nova_clone.web.versions import Version


@dataclasses.dataclass(frozen=True, kw_only=True)
class BodyLimits:
    """What kind of request body the door accepts.

    ``max_bytes`` is ``[oslo_middleware] max_request_body_size``.
    """

    max_bytes: int = 114688
    max_depth: int = 64
    media_types: tuple[str, ...] = (
        "application/json",
        "application/vnd.openstack.compute+json",
    )
    refuse_untyped: bool = False


class Call:
    """What the door has found out about one request; it is ``req.context``."""

    def __init__(self) -> None:
        self.request_id: RequestId = new_request_id()
        self.version: Version = Version(1, 0)
        self.versioned = False
        self.negotiated = False
        self.legacy = False
        self.url_project: str | None = None
        self.limits = BodyLimits()
        self.link_root = ""
        self.bookmark_root = ""
        self._caller: RequestContext | None = None
        self._policy: Verdicts | None = None

    def identify(self, caller: RequestContext, policy: Verdicts) -> None:
        """Record who asks and the policy decisions bound to them."""
        self._caller = caller
        self._policy = policy

    @property
    def identified(self) -> bool:
        """Whether the caller of this request is known."""
        return self._caller is not None

    @property
    def caller(self) -> RequestContext:
        """The caller; raises `Unauthorized` on a path that asks for no token."""
        if self._caller is None:
            raise Unauthorized
        return self._caller

    @property
    def policy(self) -> Verdicts:
        """The policy decisions of this caller, remembered for this request."""
        if self._policy is None:
            raise Unauthorized
        return self._policy


class Request(falcon.Request):
    """A falcon request whose context is a `Call`."""

    context_type: ClassVar[type[Call]] = Call
    context: Call  # type: ignore[assignment]
