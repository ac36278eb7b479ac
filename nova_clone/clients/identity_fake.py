"""An identity service in memory."""

from __future__ import annotations

from collections.abc import Iterable

from nova_clone.domain import errors
from nova_clone.domain.identity import RequestContext


class FakeIdentity:
    """Knows the projects it was given."""

    def __init__(self, projects: Iterable[str] = ()) -> None:
        self.projects = set(projects)
        #: Set to False to play a service that does not answer.
        self.reachable = True

    def project_exists(self, context: RequestContext, project_id: str) -> bool:
        """Tell whether there is such a project."""
        if not self.reachable:
            raise errors.Unavailable("The identity service cannot be reached.")
        return project_id in self.projects
