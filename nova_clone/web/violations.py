"""The sentence that tells a caller what is wrong with a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import jsonschema_rs

from nova_clone.domain.errors import Invalid

Explain = Callable[[jsonschema_rs.ValidationError], Invalid]
"""Words a schema error as the `Invalid` that a caller is answered with."""

_MAX_VALUE: Final = 120
_MAX_PATH: Final = 160
_MAX_REASON: Final = 240
_SECRET_KEYS: Final = frozenset(
    ("adminPass", "contents", "password", "private_key", "secret", "user_data")
)


def clip(text: str, limit: int) -> str:
    """Return `text` cut to at most `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def violation(error: jsonschema_rs.ValidationError) -> Invalid:
    """Return the `Invalid` that describes a schema error in bounded length."""
    telling = _most_telling(error)
    path = [str(step) for step in telling.instance_path]
    return invalid(path, telling.instance, clip(_reason(telling), _MAX_REASON))


def _reason(error: jsonschema_rs.ValidationError) -> str:
    if error.kind.name == "format":
        return f"The value is not of the form '{error.kind.value}'."
    return error.message


def invalid(path: list[str], value: Any, reason: str) -> Invalid:
    """Return an `Invalid` in the one form that all input errors have."""
    place = clip(".".join(path), _MAX_PATH) or "body"
    shown = "***" if _SECRET_KEYS.intersection(path) else _shown(value)
    return Invalid(f"Invalid input for field/attribute {place}. Value: {shown}. {reason}")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return f"an object of {len(value)} keys"
    if isinstance(value, list):
        return f"a list of {len(value)} items"
    if isinstance(value, str):
        value = value[: _MAX_VALUE + 1]
    return clip(str(value), _MAX_VALUE)


def _most_telling(error: jsonschema_rs.ValidationError) -> jsonschema_rs.ValidationError:
    """Look inside alternatives for the one that the caller seems to have meant."""
    if error.kind.name not in ("anyOf", "oneOf"):
        return error
    nested = [errors[0] for errors in getattr(error.kind, "context", ()) if errors]
    meant = [inner for inner in nested if inner.kind.name != "type"]
    meant += [inner for inner in nested if len(inner.instance_path) > len(error.instance_path)]
    if not meant:
        return error
    return _most_telling(max(meant, key=lambda inner: len(inner.instance_path)))
