"""Errors by meaning. The docstring of a class is its default message.

A raised error may carry ``details``: plain values that a caller can act on
and that are safe to show to whoever may see the error at all.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

Details = Mapping[str, Any]


class NovaError(Exception):
    """An unexpected error occurred."""

    def __init__(self, message: str | None = None, /, **details: Any) -> None:
        self.message = message or inspect.cleandoc(type(self).__doc__ or "")
        self.details: Details = details
        super().__init__(self.message)


class Invalid(NovaError):
    """The request is not valid."""


class Unauthorized(NovaError):
    """The request you have made requires authentication."""


class Forbidden(NovaError):
    """Policy doesn't allow this operation to be performed."""


class OverQuota(Forbidden):
    """Quota exceeded."""


class NotFound(NovaError):
    """The resource could not be found."""


class Conflict(NovaError):
    """The resource is not in a state that allows this."""


class AlreadyExists(Conflict):
    """A resource with this identity exists already."""


class StaleGeneration(Conflict):
    """The record was changed by somebody else meanwhile."""


class TooLarge(NovaError):
    """The request is larger than what is accepted."""


class NotSupported(NovaError):
    """This operation is not supported here."""


class NoValidHost(NovaError):
    """No valid host was found."""


class TryElsewhere(NovaError):
    """This host cannot do it, another may."""


class Unavailable(NovaError):
    """A service that is needed cannot be reached."""


class TimedOut(Unavailable):
    """No answer came in time."""


class ExternalFailure(NovaError):
    """Another service refused or failed."""


class Interrupted(NovaError):
    """The work was given up because a newer request overrides it."""


class Obsolete(NovaError):
    """The message belongs to work that is over."""


def error_classes() -> dict[str, type[NovaError]]:
    """Return every error by its name: the vocabulary that may cross the wire."""
    return {
        name: value
        for name, value in globals().items()
        if isinstance(value, type) and issubclass(value, NovaError)
    }
