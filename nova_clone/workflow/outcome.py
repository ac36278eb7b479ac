"""How a step, or a whole workflow, ended: a value or an error, in a form that can be kept."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec

from nova_clone.domain import errors
from nova_clone.domain.errors import NovaError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Failure:
    """An error as it is written down: its class by name, its message and its details."""

    name: str
    message: str
    details: dict[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """Describe ``error``; of one that is no `NovaError` only the class is told."""
        if not isinstance(error, NovaError):
            return cls(
                name=NovaError.__name__,
                message=NovaError().message,
                details={"exception": type(error).__name__},
            )
        return cls(
            name=type(error).__name__,
            message=error.message,
            details=decode(encode(dict(error.details))),
        )

    def error(self) -> NovaError:
        """Return the error again; a class unknown to this release becomes a `NovaError`."""
        kind = errors.error_classes().get(self.name, NovaError)
        return kind(self.message, **self.details)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """A value, unless ``failure`` says what went wrong."""

    output: Any = None
    failure: Failure | None = None

    @classmethod
    def failed(cls, error: Exception) -> Outcome:
        """Return the outcome that ``error`` stands for."""
        return cls(failure=Failure.of(error))


def encode(value: Any) -> str:
    """Return ``value`` as JSON text; what JSON cannot hold is written as its ``str()``."""
    return msgspec.json.encode(value, enc_hook=str).decode()


def decode(text: str, kind: Any = Any) -> Any:
    """Return the value of JSON ``text`` as an instance of ``kind``."""
    return msgspec.json.decode(text, type=kind)
