"""Bodies and faults on the wire of the standalone services."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import falcon
import msgspec

from nova_clone.domain import errors

#: Given status code, title and message, the body of a fault.
FaultBody = Callable[[int, str, str], Mapping[str, Any]]

_LOG = logging.getLogger(__name__)

_STATUSES: tuple[tuple[type[errors.NovaError], int], ...] = (
    (errors.Invalid, 400),
    (errors.Unauthorized, 401),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.TooLarge, 413),
    (errors.NotSupported, 501),
    (errors.Unavailable, 503),
)

#: Bytes of the largest JSON body that is read.
MAX_JSON = 1024 * 1024


def read_json(request: falcon.Request) -> dict[str, Any]:
    """Return the JSON object in the body, or raise Invalid or TooLarge."""
    body = read_document(request)
    if not isinstance(body, dict):
        raise errors.Invalid("The request body must be a JSON object.")
    return body


def read_document(request: falcon.Request) -> Any:
    """Return the JSON value in the body, or raise Invalid or TooLarge."""
    raw = request.bounded_stream.read(MAX_JSON + 1)
    if len(raw) > MAX_JSON:
        raise errors.TooLarge("The request body is too large.")
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise errors.Invalid("The request body is not valid JSON.") from error


def send_json(response: falcon.Response, body: Any, *, status: int = 200) -> None:
    """Answer with `body` as JSON."""
    response.status = falcon.code_to_http_status(status)
    response.content_type = falcon.MEDIA_JSON
    response.data = msgspec.json.encode(body)


def install_faults(app: falcon.App[Any, Any], body: FaultBody) -> None:
    """Make `app` answer every error in the shape that `body` gives it."""

    def answer(response: falcon.Response, code: int, message: str) -> None:
        status = falcon.code_to_http_status(code)
        send_json(response, body(code, status.partition(" ")[2], message), status=code)

    def meant(
        request: falcon.Request, response: falcon.Response, error: errors.NovaError, params: Any
    ) -> None:
        answer(response, _status(error), error.message)

    def refused(
        request: falcon.Request, response: falcon.Response, error: falcon.HTTPError, params: Any
    ) -> None:
        for name, value in (error.headers or {}).items():  # type: ignore[union-attr]
            response.set_header(name, value)
        answer(response, error.status_code, error.description or error.title or "")

    def failed(
        request: falcon.Request, response: falcon.Response, error: Exception, params: Any
    ) -> None:
        _LOG.error("%s %s failed", request.method, request.path, exc_info=error)
        answer(response, 500, "An unexpected error prevented the server from answering.")

    app.add_error_handler(Exception, failed)
    app.add_error_handler(falcon.HTTPError, refused)
    app.add_error_handler(errors.NovaError, meant)


def _status(error: errors.NovaError) -> int:
    return next((code for kind, code in _STATUSES if isinstance(error, kind)), 500)
