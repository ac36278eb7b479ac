"""The shapes of WSGI that the door's layers pass among each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

OVERLOADED: Final = "nova_clone.overloaded"
"""Set in the environment of a request that is to be turned away at once."""

Environ = dict[str, Any]
Headers = list[tuple[str, str]]


class StartResponse(Protocol):
    """What a WSGI server hands an application to begin its response with."""

    def __call__(
        self, status: str, headers: Headers, exc_info: Any = None, /
    ) -> Callable[[bytes], Any]:
        """Begin a response."""


WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]
