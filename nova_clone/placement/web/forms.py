"""Reading what a request brings: its body, its query; and what is wrong with it, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import falcon
import jsonschema_rs

from nova_clone.domain.errors import Invalid
from nova_clone.placement.web.history import SCHEME
from nova_clone.web.call import Request
from nova_clone.web.media import read_json
from nova_clone.web.query import Param, Query, QueryValues
from nova_clone.web.requests import Body, Node
from nova_clone.web.schemas import INT32_MAX, Schema, integer, string
from nova_clone.web.violations import clip

_MAX_SHOWN: Final = 200
_EMPTY: Final = ("minProperties", "minItems")

UUID: Final[Schema] = string(format="uuid")
RESOURCE_CLASS: Final = r"^[A-Z0-9_]+$"
GENERATION: Final[Schema] = integer()
AMOUNT: Final[Schema] = integer(1, INT32_MAX)
OWNER: Final[Schema] = string(1, 255)


def explain(error: jsonschema_rs.ValidationError) -> Invalid:
    """Word a schema error the way clients of Placement know it."""
    return Invalid(describe(error))


def describe(error: jsonschema_rs.ValidationError) -> str:
    """Return what is wrong, by which keyword of the schema, and where."""
    keyword = str(error.schema_path[-1]) if error.schema_path else "schema"
    place = "".join(f"[{_step(step)}]" for step in error.schema_path[:-1])
    spot = "".join(f"[{_step(step)}]" for step in error.instance_path)
    return (
        f"{_sentence(error)}\n\nFailed validating '{keyword}' in schema{clip(place, _MAX_SHOWN)}"
        f"\n\nOn instance{clip(spot, _MAX_SHOWN)}"
    )


def _step(step: Any) -> str:
    return repr(step)


def _sentence(error: jsonschema_rs.ValidationError) -> str:
    shown = _shown(error.instance)
    name = error.kind.name
    if name in _EMPTY and not error.instance:
        return f"{shown} should be non-empty"
    return clip(error.message.replace("The value", shown, 1).replace('"', "'"), 2 * _MAX_SHOWN)


def _shown(value: Any) -> str:
    if isinstance(value, dict) and value:
        return f"an object of {len(value)} keys"
    if isinstance(value, list) and value:
        return f"a list of {len(value)} items"
    return repr(value[:_MAX_SHOWN]) if isinstance(value, str) else clip(str(value), _MAX_SHOWN)


class Form:
    """A request body, declared once for all versions."""

    def __init__(self, root: Node | Schema) -> None:
        self._body = Body(root, explain=self._explain)

    def read(self, req: Request) -> Any:
        """Return the body of a request; raises `Invalid` and falcon's 415."""
        require_json(req)
        try:
            media = read_json(req)
        except Invalid as error:
            raise Invalid(f"Malformed JSON: {error.message}") from None
        if media is None:
            raise Invalid("Malformed JSON: the body is empty.")
        try:
            return self._body.parse(media, req.context.version)
        except Invalid as error:
            raise Invalid(f"JSON does not validate: {error.message}") from None

    def _explain(self, error: jsonschema_rs.ValidationError) -> Invalid:
        # What an unknown key is compared with stands beside the keyword it offends.
        patterns: list[str] = []
        if error.kind.name == "additionalProperties":
            for version in (SCHEME.supported.max, SCHEME.supported.min):
                place = _at(self._body.schema(version), error.schema_path[:-1])
                patterns = patterns or list(place.get("patternProperties", ()))
        if not patterns:
            return explain(error)
        unknown = ", ".join(repr(name) for name in error.kind.as_dict()["unexpected"])
        return Invalid(
            f"{clip(unknown, _MAX_SHOWN)} does not match any of the regexes: "
            f"{', '.join(repr(pattern) for pattern in patterns)}"
        )


def _at(schema: Any, path: Iterable[Any]) -> Mapping[str, Any]:
    for step in path:
        if not isinstance(schema, Mapping):
            return {}
        schema = schema.get(step, {})
    return schema if isinstance(schema, Mapping) else {}


def require_json(req: Request) -> None:
    """Refuse a body that is not declared to be JSON."""
    length = req.env.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal():
        raise Invalid("content-length header must be an integer")
    kind = (req.content_type or "").partition(";")[0].strip().lower()
    if not kind and int(length):
        raise Invalid("content-type header required when content-length > 0")
    if kind != falcon.MEDIA_JSON:
        raise falcon.HTTPUnsupportedMediaType(
            title="Unsupported Media Type",
            description=f"The media type {kind[:80] or None} is not supported, "
            f"use {falcon.MEDIA_JSON}.",
        )


class Search:
    """The query parameters of a path; unknown ones are refused."""

    def __init__(self, *params: Param) -> None:
        self._query = Query(*params, strict_since="1.0", explain=explain)

    def read(self, req: Request) -> QueryValues:
        """Return the parameters of a request; raises `Invalid`."""
        try:
            return self._query.read(req)
        except Invalid as error:
            reason = error.message.removeprefix("Invalid input for query parameters. ")
            raise Invalid(f"Invalid query string parameters: {reason}") from None
