"""What is asked of the identity service."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import quote

from nova_clone.clients.session import Connection, ServiceAuth, translated
from nova_clone.domain import errors
from nova_clone.domain.identity import RequestContext

_VERSION = {"min_version": "3.0", "max_version": "3.latest"}


class IdentityService(Protocol):
    """Knows projects."""

    def project_exists(self, context: RequestContext, project_id: str) -> bool:
        """Tell whether there is such a project.

        Also True if the caller may not ask; raises Unavailable if nobody answers.
        """
        ...


class KeystoneIdentity:
    """The identity service over HTTP."""

    def __init__(self, settings: ServiceAuth) -> None:
        self._connection = Connection(settings)

    def project_exists(self, context: RequestContext, project_id: str) -> bool:
        """Tell whether there is such a project, as far as the caller may know."""
        if not project_id.strip("."):
            return False
        adapter = self._connection.for_request(context)
        path = f"/projects/{quote(project_id, safe='')}"
        try:
            with translated("identity", own=context.auth_token is None):
                adapter.get(path, endpoint_filter=_VERSION)
        except errors.NotFound:
            return False
        except errors.Forbidden:
            return True
        return True

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._connection.close()
