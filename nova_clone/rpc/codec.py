"""Contexts, messages, results and errors as JSON text, and back."""

from __future__ import annotations

from typing import Any

import msgspec

from nova_clone.domain import errors
from nova_clone.domain.errors import NovaError
from nova_clone.domain.identity import RequestContext

#: Errors that every verb may raise without naming them.
ALWAYS_CROSS: tuple[type[NovaError], ...] = (
    errors.Unavailable,
    errors.Invalid,
    errors.Obsolete,
    errors.NotSupported,
)

_BY_NAME = errors.error_classes()


class _Request(msgspec.Struct):
    context: RequestContext
    message: msgspec.Raw = msgspec.Raw(b"null")


class _Fault(msgspec.Struct, omit_defaults=True):
    kind: str
    message: str
    details: dict[str, Any] = {}
    #: Names of the base classes, nearest first, for a peer that lacks ``kind``.
    bases: list[str] = []


class _Reply(msgspec.Struct):
    ok: msgspec.Raw = msgspec.Raw(b"null")
    error: _Fault | None = None


_REQUESTS = msgspec.json.Decoder(_Request)
_REPLIES = msgspec.json.Decoder(_Reply)
_ENCODER = msgspec.json.Encoder()
_FAULTS = msgspec.json.Encoder(enc_hook=str)


class VerbCodec:
    """The wire form of one verb.

    Fields that a newer peer added are ignored; fields that an older peer does
    not know take their defaults.
    """

    def __init__(self, request: Any, response: Any, raises: tuple[type[NovaError], ...]) -> None:
        self._takes_message = request is not None
        self._requests = msgspec.json.Decoder(request) if request is not None else None
        self._results = msgspec.json.Decoder(response)
        self._crossing = (*raises, *ALWAYS_CROSS)

    def encode_request(self, context: RequestContext, message: Any) -> str:
        """Return one text of the context and the message; raises Invalid for broken text."""
        try:
            return _ENCODER.encode(_Wire(context=context, message=message)).decode()
        except UnicodeEncodeError as error:
            raise errors.Invalid("A text contains characters that cannot be encoded.") from error

    def decode_request(self, payload: str) -> tuple[RequestContext, Any]:
        """Return the context and the message of a received text; raises Invalid."""
        try:
            request = _REQUESTS.decode(payload)
            if self._requests is None:
                return request.context, None
            return request.context, self._requests.decode(request.message)
        except msgspec.DecodeError as error:
            raise errors.Invalid(f"The message does not follow the contract: {error}") from error

    def encode_result(self, result: Any) -> str:
        """Return the reply that carries a result."""
        return f'{{"ok":{_ENCODER.encode(result).decode()}}}'

    def may_cross(self, error: BaseException) -> bool:
        """Tell whether the caller may see this error as it is."""
        return isinstance(error, self._crossing)

    def decode_reply(self, payload: str) -> Any:
        """Return the result in a reply, or raise the error in it."""
        try:
            reply = _REPLIES.decode(payload)
            if reply.error is None:
                return self._results.decode(reply.ok)
        except msgspec.DecodeError as error:
            raise errors.NovaError(f"The reply does not follow the contract: {error}") from error
        raise _revive(reply.error)


class _Wire(msgspec.Struct):
    context: RequestContext
    message: Any


def encode_error(error: NovaError) -> str:
    """Return the reply that carries an error."""
    names = [cls.__name__ for cls in type(error).__mro__ if issubclass(cls, NovaError)]
    fault = _Fault(
        kind=names[0], message=error.message, details=dict(error.details), bases=names[1:]
    )
    return f'{{"error":{_FAULTS.encode(fault).decode()}}}'


def _revive(fault: _Fault) -> NovaError:
    for name in (fault.kind, *fault.bases):
        known = _BY_NAME.get(name)
        if known is not None:
            return known(fault.message, **fault.details)
    return NovaError(fault.message, **fault.details)
