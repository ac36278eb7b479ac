"""Every path of Placement's REST API, and who answers it."""

from __future__ import annotations

from nova_clone.placement.web.environment import Environment
from nova_clone.placement.web.root import Root
from nova_clone.web.app import Route


def routes(env: Environment) -> tuple[Route, ...]:
    """Return the table of routes."""
    return (Route("/", Root()),)
