"""What went wrong, said in HTTP: one table of statuses, two shapes of body."""

from __future__ import annotations

import dataclasses
import http
import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import falcon

from nova_clone.domain import errors
from nova_clone.web.call import Call, Request
from nova_clone.web.versions import Version, VersionNotAcceptable

_LOG = logging.getLogger(__name__)

DEFAULT_RETRY_AFTER: Final = 10
"""Seconds a caller is asked to wait when a service is unavailable."""

STATUSES: Final[Mapping[type[errors.NovaError], int]] = {
    errors.NovaError: 500,
    errors.Invalid: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.OverQuota: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.AlreadyExists: 409,
    errors.StaleGeneration: 409,
    errors.TooLarge: 413,
    errors.NotSupported: 501,
    errors.NoValidHost: 400,
    errors.TryElsewhere: 409,
    errors.Unavailable: 503,
    errors.TimedOut: 503,
    errors.ExternalFailure: 500,
    errors.Interrupted: 409,
    errors.Obsolete: 409,
}

_FAULT_NAMES: Final = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    429: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
}

_PLACEMENT_CODES: Final[Mapping[type[errors.NovaError], str]] = {
    errors.StaleGeneration: "placement.concurrent_update",
    errors.AlreadyExists: "placement.duplicate_name",
}
_CODES_SINCE: Final = Version(1, 23)
_UNDEFINED_CODE: Final = "placement.undefined_code"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Failure:
    """A failed request: what its response says.

    ``code`` is Placement's machine-readable reason, ``extra`` what else its
    body carries.
    """

    status: int
    message: str
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    code: str | None = None
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def title(self) -> str:
        """The standard phrase of the status."""
        try:
            return http.HTTPStatus(self.status).phrase
        except ValueError:
            return "Error"


FailureBody = Callable[[Failure, Call], Mapping[str, Any]]


def nova_fault(failure: Failure, call: Call) -> Mapping[str, Any]:
    """Return the fault body of the Compute API."""
    fault: dict[str, Any] = {"code": failure.status, "message": failure.message}
    if failure.status in (413, 429) and "Retry-After" in failure.headers:
        fault["retryAfter"] = failure.headers["Retry-After"]
    return {_FAULT_NAMES.get(failure.status, "computeFault"): fault}


def placement_errors(failure: Failure, call: Call) -> Mapping[str, Any]:
    """Return the error body of the Placement API."""
    error: dict[str, Any] = {
        "status": failure.status,
        "request_id": call.request_id,
        "title": failure.title,
        "detail": failure.message,
        **failure.extra,
    }
    if call.version >= _CODES_SINCE:
        error["code"] = failure.code or _UNDEFINED_CODE
    return {"errors": [error]}


def describe(error: Exception, call: Call) -> Failure:
    """Return what the response to a request that raised `error` says."""
    if isinstance(error, errors.NovaError):
        return _domain_failure(error)
    if isinstance(error, falcon.HTTPError):
        return _http_failure(error)
    return Failure(
        status=500,
        message=f"An unexpected error occurred in {call.request_id}: {type(error).__name__}.",
    )


def _domain_failure(error: errors.NovaError) -> Failure:
    status = _status(type(error))
    headers: dict[str, str] = {}
    retry_after = error.details.get("retry_after")
    if retry_after is None and status == 503:
        retry_after = DEFAULT_RETRY_AFTER
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    code = error.details.get("code")
    if code is None:
        code = _PLACEMENT_CODES.get(type(error))
    return Failure(status=status, message=_message(error, status), headers=headers, code=code)


def _message(error: errors.NovaError, status: int) -> str:
    """Return the message, which for failures on our side may quote a back end."""
    if status in (500, 503):
        return inspect.cleandoc(type(error).__doc__ or "An unexpected error occurred.")
    return error.message


def _status(kind: type[errors.NovaError]) -> int:
    return next(STATUSES[base] for base in kind.__mro__ if base in STATUSES)


def _http_failure(error: falcon.HTTPError) -> Failure:
    extra: dict[str, Any] = {}
    if isinstance(error, VersionNotAcceptable):
        extra = {
            "min_version": str(error.supported.min),
            "max_version": str(error.supported.max),
        }
    headers = error.headers or {}
    status = error.status_code
    return Failure(
        status=status,
        message=error.description or _HTTP_MESSAGES.get(status) or error.title or "",
        headers=headers if isinstance(headers, dict) else dict(headers),
        extra=extra,
    )


_HTTP_MESSAGES: Final = {
    404: "The resource could not be found.",
    405: "The method is not allowed for this resource.",
}


def handle_with(body: FailureBody) -> Callable[[Request, falcon.Response, Any, Any], None]:
    """Return falcon's error handler that answers every exception in one shape."""

    def handle(req: Request, resp: falcon.Response, error: Exception, params: Any) -> None:
        failure = describe(error, req.context)
        if failure.status == 500:
            _LOG.error("The request failed unexpectedly.", exc_info=error)
        elif failure.status >= 500:
            _LOG.warning("%s: %s", type(error).__name__, error)
        resp.status = failure.status
        resp.data = None
        resp.text = None
        resp.stream = None
        for name, value in failure.headers.items():
            resp.set_header(name, value)
        resp.content_type = falcon.MEDIA_JSON
        resp.media = body(failure, req.context)

    return handle
