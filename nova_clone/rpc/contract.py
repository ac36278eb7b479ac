"""One typed `Protocol` per daemon; the client proxy and the server endpoint come from it."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from nova_clone.domain.errors import NovaError
from nova_clone.domain.identity import RequestContext
from nova_clone.rpc import codec

Timeout = float | Callable[[], float] | None
Kind = Literal["call", "cast"]
F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C")
#: A contract class. Not ``type[C]``: mypy wants that to be concrete, and a `Protocol` is not.
Declared = Callable[..., C]

_VERB = "__rpc_verb__"
_CONTRACT = "__rpc_contract__"
_PARSED = "__rpc_parsed__"


class ContractError(TypeError):
    """A contract, or what claims to implement it, is not well formed."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class VerbMark:
    """What a decorator says about one verb."""

    kind: Kind
    since: str
    timeout: Timeout = None
    raises: tuple[type[NovaError], ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Verb:
    """One verb of a contract, with everything both ends need.

    ``request`` is ``None`` when the verb takes nothing beside the context.
    ``timeout`` is in seconds; ``None`` means the bus's ``rpc_response_timeout``.
    """

    name: str
    kind: Kind
    since: str
    timeout: Timeout
    raises: tuple[type[NovaError], ...]
    request: Any
    response: Any

    @functools.cached_property
    def codec(self) -> codec.VerbCodec:
        """Return the encoder and decoders of this verb's messages."""
        return codec.VerbCodec(self.request, self.response, self.raises)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Contract:
    """A published interface: its topic, its version and its verbs."""

    name: str
    topic: str
    version: str
    verbs: Mapping[str, Verb]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Address:
    """Where a message goes: any server of a topic, one of them, or all."""

    topic: str
    server: str | None = None
    fanout: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outgoing:
    """One encoded message on its way to a server.

    ``timeout`` is in seconds; ``None`` leaves it to the channel.
    """

    address: Address
    verb: str
    version: str
    payload: str
    timeout: float | None = None


class Channel(typing.Protocol):
    """What carries encoded messages: a `Bus`, or a test's stand-in for it."""

    def call(self, message: Outgoing, /) -> str:
        """Send and wait for the encoded reply; raises TimedOut or Unavailable."""
        ...

    def cast(self, message: Outgoing, /) -> None:
        """Send and do not wait; raises Unavailable."""
        ...


def call(
    *, since: str, timeout: Timeout = None, raises: tuple[type[NovaError], ...] = ()
) -> Callable[[F], F]:
    """Declare a verb that is answered while the caller waits.

    ``timeout`` is in seconds, or a callable that returns them at each call.
    Only the errors in ``raises`` and the family that every verb may raise
    reach the caller as themselves.
    """
    return _mark(VerbMark(kind="call", since=since, timeout=timeout, raises=raises))


def cast(*, since: str) -> Callable[[F], F]:
    """Declare a verb that is sent and forgotten."""
    return _mark(VerbMark(kind="cast", since=since))


def _mark(mark: VerbMark) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        setattr(function, _VERB, mark)
        return function

    return decorate


def contract(*, topic: str, version: str) -> Callable[[type[C]], type[C]]:
    """Declare a `Protocol` class to be the interface that ``topic`` serves."""
    _parse_version(version)

    def decorate(cls: type[C]) -> type[C]:
        setattr(cls, _CONTRACT, (topic, version))
        return cls

    return decorate


def definition(contract_type: Declared[Any]) -> Contract:
    """Return the parsed form of a class declared with `contract`.

    Raises ContractError when a verb does not follow the rules.
    """
    if not isinstance(contract_type, type):
        raise ContractError(f"{contract_type!r} is not a class declared with @contract")
    parsed: Contract | None = contract_type.__dict__.get(_PARSED)
    if parsed is None:
        parsed = _parse(contract_type)
        setattr(contract_type, _PARSED, parsed)
    return parsed


def _parse(contract_type: type[Any]) -> Contract:
    declared = contract_type.__dict__.get(_CONTRACT)
    if declared is None:
        raise ContractError(f"{contract_type.__qualname__} is not declared with @contract")
    topic, version = declared
    verbs = {
        name: _verb(contract_type, name, function)
        for name, function in inspect.getmembers(contract_type, inspect.isfunction)
        if not name.startswith("_")
    }
    for verb in verbs.values():
        if _parse_version(verb.since) > _parse_version(version):
            raise ContractError(
                f"{contract_type.__qualname__}.{verb.name} is since {verb.since}, "
                f"newer than the contract's version {version}"
            )
    return Contract(name=contract_type.__name__, topic=topic, version=version, verbs=verbs)


def _parse_version(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    if not (major.isdecimal() and minor.isdecimal()):
        raise ContractError(f"{version!r} is not a version of the form MAJOR.MINOR")
    return int(major), int(minor)


def _verb(contract_type: type[Any], name: str, function: Callable[..., Any]) -> Verb:
    where = f"{contract_type.__qualname__}.{name}"
    mark: VerbMark | None = getattr(function, _VERB, None)
    if mark is None:
        raise ContractError(f"{where} is declared neither with @call nor with @cast")
    hints = typing.get_type_hints(function)
    if "return" not in hints:
        raise ContractError(f"{where} has no return annotation")
    parameters = list(inspect.signature(function).parameters)[1:]
    if len(parameters) not in (1, 2):
        raise ContractError(f"{where} must take a context and at most one message")
    if hints.get(parameters[0]) is not RequestContext:
        raise ContractError(f"the first argument of {where} must be a RequestContext")
    request = hints.get(parameters[1]) if len(parameters) == 2 else None
    if len(parameters) == 2:
        _check_message(where, request)
    response = hints["return"]
    if mark.kind == "cast" and response is not type(None):
        raise ContractError(f"{where} is a cast and must return None")
    return Verb(
        name=name,
        kind=mark.kind,
        since=mark.since,
        timeout=mark.timeout,
        raises=mark.raises,
        request=request,
        response=response,
    )


def _check_message(where: str, message: Any) -> None:
    params = getattr(message, "__dataclass_params__", None)
    if params is None or not params.frozen:
        raise ContractError(f"the message of {where} must be a frozen dataclass")
    if any(not field.kw_only for field in dataclasses.fields(message)):
        raise ContractError(f"the message of {where} must have keyword-only fields")


class _Proxy:
    """Turns attribute access into remote verbs, each resolved once."""

    def __init__(
        self,
        contract: Contract,
        channel: Channel,
        address: Address,
        timeouts: Mapping[str, float],
    ) -> None:
        self._contract = contract
        self._channel = channel
        self._address = address
        self._timeouts = timeouts

    def __repr__(self) -> str:
        where = self._address
        return f"<proxy of {self._contract.name} topic={where.topic} server={where.server}>"

    def __getattr__(self, name: str) -> Callable[..., Any]:
        verb = self._contract.verbs.get(name)
        if verb is None:
            raise AttributeError(f"{self._contract.name} has no verb {name!r}")
        send = self._calls(verb) if verb.kind == "call" else self._casts(verb)
        self.__dict__[name] = send
        return send

    def _calls(self, verb: Verb) -> Callable[..., Any]:
        def send(context: RequestContext, request: Any = None, /) -> Any:
            timeout: Timeout = self._timeouts.get(verb.name, verb.timeout)
            if self._address.fanout:
                raise ContractError(f"{verb.name} is a call and cannot go to many servers")
            reply = self._channel.call(
                Outgoing(
                    address=self._address,
                    verb=verb.name,
                    version=verb.since,
                    payload=verb.codec.encode_request(context, request),
                    timeout=timeout() if callable(timeout) else timeout,
                )
            )
            return verb.codec.decode_reply(reply)

        return send

    def _casts(self, verb: Verb) -> Callable[..., None]:
        def send(context: RequestContext, request: Any = None, /) -> None:
            self._channel.cast(
                Outgoing(
                    address=self._address,
                    verb=verb.name,
                    version=verb.since,
                    payload=verb.codec.encode_request(context.stored(), request),
                )
            )

        return send


def proxy(
    contract_type: Declared[C],
    bus: Channel,
    *,
    server: str | None = None,
    fanout: bool = False,
    timeouts: Mapping[str, float] | None = None,
) -> C:
    """Return an object whose methods are the contract's verbs, served elsewhere.

    ``server`` names one server of the topic; without it any may answer.
    With ``fanout`` a cast reaches every server of the topic, and calls are
    refused. ``timeouts`` (seconds, by verb) override the contract's.
    """
    parsed = definition(contract_type)
    unknown = sorted(set(timeouts or ()) - set(parsed.verbs))
    if unknown:
        raise ContractError(f"{parsed.name} has no verbs {', '.join(unknown)}")
    address = Address(topic=parsed.topic, server=server, fanout=fanout)
    return typing.cast(C, _Proxy(parsed, bus, address, dict(timeouts or {})))


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Handler:
    """A verb together with the method that carries it out."""

    verb: Verb
    method: Callable[..., Any]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Endpoint:
    """A contract together with the object that carries it out."""

    contract: Contract
    handlers: Mapping[str, Handler]


def endpoint(contract_type: Declared[Any], implementation: object) -> Endpoint:
    """Return what a server dispatches to, after checking every verb is there.

    Raises ContractError naming each verb that is missing or has another
    signature, so that a daemon fails when it starts and not at the first call.
    """
    parsed = definition(contract_type)
    problems = [
        problem
        for verb in parsed.verbs.values()
        if (problem := _mismatch(verb, implementation)) is not None
    ]
    if problems:
        name = type(implementation).__qualname__
        raise ContractError(f"{name} does not implement {parsed.name}: {'; '.join(problems)}")
    handlers = {
        name: Handler(verb=verb, method=getattr(implementation, name))
        for name, verb in parsed.verbs.items()
    }
    return Endpoint(contract=parsed, handlers=handlers)


def _mismatch(verb: Verb, implementation: object) -> str | None:
    method = getattr(implementation, verb.name, None)
    if not callable(method):
        return f"{verb.name} is missing"
    arguments: tuple[object, ...] = (None,) if verb.request is None else (None, None)
    signature = inspect.signature(method)
    try:
        signature.bind(*arguments)
    except TypeError as error:
        return f"{verb.name}{signature} cannot be called by the contract ({error})"
    if verb.request is None:
        return None
    given = _request_annotation(method)
    if given is not None and isinstance(given, type) and not issubclass(verb.request, given):
        return f"{verb.name} takes {given.__qualname__}, not {verb.request.__qualname__}"
    return None


def _request_annotation(method: Callable[..., Any]) -> Any:
    names = list(inspect.signature(method).parameters)
    if len(names) < 2:
        return None
    function = inspect.unwrap(getattr(method, "__func__", method))
    return typing.get_type_hints(function).get(names[1])
