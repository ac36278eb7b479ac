"""Who asks, and the identifiers everything else is named by."""

from __future__ import annotations

import dataclasses
import uuid
from typing import NewType

ServerId = NewType("ServerId", str)
ProjectId = NewType("ProjectId", str)
UserId = NewType("UserId", str)
HostName = NewType("HostName", str)
ProviderId = NewType("ProviderId", str)
WorkflowId = NewType("WorkflowId", str)
RequestId = NewType("RequestId", str)


def new_uuid() -> str:
    """Return a fresh random UUID in its canonical text form."""
    return str(uuid.uuid4())


def new_request_id() -> RequestId:
    """Return a fresh request id in OpenStack's form, ``req-<uuid>``."""
    return RequestId(f"req-{uuid.uuid4()}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RequestContext:
    """The caller of one request: who, in which project, with which roles.

    ``auth_token`` travels only with calls that are answered while the caller
    waits. It never reaches a log (``repr=False``) and is never stored:
    `stored()` is the form that durable work keeps.
    """

    request_id: RequestId
    user_id: UserId | None = None
    project_id: ProjectId | None = None
    roles: tuple[str, ...] = ()
    is_admin: bool = False
    user_name: str | None = None
    project_name: str | None = None
    user_domain_id: str | None = None
    project_domain_id: str | None = None
    system_scope: str | None = None
    service_roles: tuple[str, ...] = ()
    global_request_id: str | None = None
    remote_address: str | None = None
    auth_token: str | None = dataclasses.field(default=None, repr=False)

    def stored(self) -> RequestContext:
        """Return this context without anything that must not be written down."""
        return dataclasses.replace(self, auth_token=None)


def service_context(request_id: RequestId | None = None) -> RequestContext:
    """Return the context of work that a daemon does on its own account."""
    return RequestContext(
        request_id=request_id or new_request_id(), is_admin=True, roles=("admin", "service")
    )
