"""Reading a JSON request body that nobody vouches for."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

import falcon

from nova_clone.domain.errors import Invalid, TooLarge
from nova_clone.web.call import BodyLimits, Request

_INT64 = range(-(2**63), 2**63)
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89abAB])")


def read_json(req: Request) -> Any:
    """Return the JSON body of `req`; an absent or empty one is None.

    Raises `Invalid` for a malformed body, `TooLarge` for one over the limit
    and falcon's 415 for a media type that is not JSON.
    """
    raw = _read(req, req.context.limits)
    if not raw or not _is_json(req, req.context.limits):
        return None
    return parse_json(raw, max_depth=req.context.limits.max_depth)


def parse_json(raw: bytes, *, max_depth: int = BodyLimits.max_depth) -> Any:
    """Return the value of a JSON text; raise `Invalid` unless it is wholly sound.

    Refused are: malformed text, bytes that are not UTF-8, repeated keys,
    numbers outside 64 bits, NaN and infinities, NUL characters, unpaired
    surrogates, and nesting deeper than `max_depth`.
    """
    if _depth(raw, max_depth) > max_depth:
        raise Invalid(f"The JSON body is nested more than {max_depth} levels deep.")
    try:
        value = _DECODER.decode(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise Invalid("The request body is not valid UTF-8.") from None
    except (ValueError, RecursionError):
        raise Invalid("The request body is not valid JSON.") from None
    if _SUSPECT.search(raw):
        _refuse_bad_text(value)
    return value


def _read(req: Request, limits: BodyLimits) -> bytes:
    if (req.content_length or 0) > limits.max_bytes:
        raise TooLarge("The request body is larger than what is accepted.")
    stream = req.stream if req.env.get("wsgi.input_terminated") else req.bounded_stream
    raw: bytes = stream.read(limits.max_bytes + 1)
    if len(raw) > limits.max_bytes:
        raise TooLarge("The request body is larger than what is accepted.")
    return raw


def _is_json(req: Request, limits: BodyLimits) -> bool:
    media_type = (req.content_type or "").partition(";")[0].strip().lower()
    if media_type in limits.media_types:
        return True
    if media_type:
        raise falcon.HTTPUnsupportedMediaType(
            title="Unsupported Media Type",
            description=f"The media type {media_type[:80]} is not supported, "
            f"use {limits.media_types[0]}.",
        )
    if limits.refuse_untyped:
        raise Invalid("A request with a body needs a Content-Type header.")
    return False


def _depth(raw: bytes, enough: int) -> int:
    """Return the nesting of `raw`, or a bound on it when that is low already."""
    bound = raw.count(b"[") + raw.count(b"{")
    if bound <= enough:
        return bound
    depth = deepest = 0
    for token in _STRUCTURE.findall(raw):
        if token in (b"[", b"{"):
            depth += 1
            deepest = max(deepest, depth)
        elif token in (b"]", b"}"):
            depth -= 1
    return deepest


_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


def _refuse_bad_text(value: Any) -> None:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            if "\x00" in item or any("\ud800" <= char <= "\udfff" for char in item):
                raise Invalid("The request body holds a character that is not allowed.")
        elif isinstance(item, dict):
            pending += item.keys()
            pending += item.values()
        elif isinstance(item, list):
            pending += item


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Invalid("The request body repeats a key within one object.")
    return value


def _integer(text: str) -> int:
    value = int(text) if len(text) <= 20 else None
    if value is None or value not in _INT64:
        raise Invalid("The request body holds an integer outside the 64-bit range.")
    return value


def _number(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise Invalid("The request body holds a number out of range.")
    return value


def _constant(text: str) -> NoReturn:
    raise Invalid(f"The request body holds {text}, which is not JSON.")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_int=_integer,
    parse_float=_number,
    parse_constant=_constant,
)
