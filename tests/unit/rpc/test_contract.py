from __future__ import annotations

import dataclasses
from typing import Any, Protocol

import pytest

from nova_clone.domain.identity import RequestContext
from nova_clone.rpc.contract import (
    ContractError,
    Outgoing,
    call,
    cast,
    contract,
    definition,
    endpoint,
    proxy,
)
from nova_clone.rpc.describe import describe
from tests.unit.rpc.sample import CONTEXT, Greet, Greeter, GreeterContract, Greeting


@dataclasses.dataclass
class Sent:
    """A channel that keeps what it is given and answers one text."""

    answer: str = '{"ok":0}'
    messages: list[Outgoing] = dataclasses.field(default_factory=list)

    def call(self, message: Outgoing, /) -> str:
        self.messages.append(message)
        return self.answer

    def cast(self, message: Outgoing, /) -> None:
        self.messages.append(message)


def test_a_message_names_its_verb_version_and_timeout() -> None:
    channel = Sent()
    remote = proxy(GreeterContract, channel, server="h", timeouts={"wait": 9})

    remote.count(CONTEXT)
    channel.answer = '{"ok":null}'
    remote.wait(CONTEXT)
    remote.remember(CONTEXT, Greet(name="x"))

    found = [(m.verb, m.version, m.timeout, m.address.server) for m in channel.messages]
    assert found == [
        ("count", "1.1", 4, "h"),
        ("wait", "1.0", 9, "h"),
        ("remember", "1.0", None, "h"),
    ]


def test_a_token_goes_with_calls_only() -> None:
    channel = Sent(answer='{"ok":{"text":"t"}}')
    remote = proxy(GreeterContract, channel)

    remote.greet(CONTEXT, Greet(name="x"))
    remote.remember(CONTEXT, Greet(name="x"))

    assert "secret-token" in channel.messages[0].payload
    assert "secret-token" not in channel.messages[1].payload


def test_a_proxy_has_the_verbs_and_nothing_else() -> None:
    with pytest.raises(AttributeError, match="has no verb 'vanish'"):
        proxy(GreeterContract, Sent()).vanish  # type: ignore[attr-defined]  # noqa: B018


def test_a_timeout_for_an_unknown_verb_is_refused() -> None:
    with pytest.raises(ContractError, match="has no verbs vanish"):
        proxy(GreeterContract, Sent(), timeouts={"vanish": 1})


class Partial:
    def greet(self, context: RequestContext, request: str) -> Greeting:
        return Greeting(text=request)

    def count(self, context: RequestContext, extra: int) -> int:
        return extra

    def wait(self, context: RequestContext) -> None: ...


def test_an_implementation_is_checked_verb_by_verb() -> None:
    with pytest.raises(ContractError) as caught:
        endpoint(GreeterContract, Partial())

    text = str(caught.value)
    assert "greet takes str, not Greet" in text
    assert "count(context: 'RequestContext', extra: 'int')" in text
    assert "remember is missing" in text
    assert "wait" not in text


def test_a_complete_implementation_is_accepted() -> None:
    assert set(endpoint(GreeterContract, Greeter()).handlers) == {
        "greet",
        "count",
        "wait",
        "remember",
    }


class Unmarked(Protocol):
    def verb(self, context: RequestContext, /) -> None: ...


class NoContext(Protocol):
    @call(since="1.0")
    def verb(self, request: Greet, /) -> None: ...


class Untyped(Protocol):
    @call(since="1.0")
    def verb(self, context: RequestContext): ...  # type: ignore[no-untyped-def]


class TooMany(Protocol):
    @call(since="1.0")
    def verb(self, context: RequestContext, request: Greet, more: int, /) -> None: ...


class AnsweringCast(Protocol):
    @cast(since="1.0")
    def verb(self, context: RequestContext, /) -> int: ...


class Newer(Protocol):
    @call(since="1.1")
    def verb(self, context: RequestContext, /) -> int: ...


class PlainMessage(Protocol):
    @call(since="1.0")
    def verb(self, context: RequestContext, request: int, /) -> int: ...


@dataclasses.dataclass(frozen=True)
class Positional:
    name: str


class PositionalMessage(Protocol):
    @call(since="1.0")
    def verb(self, context: RequestContext, request: Positional, /) -> int: ...


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (Unmarked, "declared neither with @call nor with @cast"),
        (NoContext, "must be a RequestContext"),
        (Untyped, "no return annotation"),
        (TooMany, "at most one message"),
        (AnsweringCast, "is a cast and must return None"),
        (Newer, "newer than the contract's version"),
        (PlainMessage, "must be a frozen dataclass"),
        (PositionalMessage, "keyword-only fields"),
    ],
)
def test_a_contract_follows_the_rules(wrong: Any, reason: str) -> None:
    with pytest.raises(ContractError, match=reason):
        definition(contract(topic="t", version="1.0")(wrong))


def test_a_version_has_two_numbers() -> None:
    with pytest.raises(ContractError, match=r"MAJOR\.MINOR"):
        contract(topic="t", version="1")


def test_only_a_declared_class_has_a_definition() -> None:
    with pytest.raises(ContractError, match="not declared"):
        definition(Greeter)
    with pytest.raises(ContractError, match="not a class"):
        definition(lambda: None)


def test_a_description_says_everything_a_peer_depends_on() -> None:
    found = describe(GreeterContract)

    assert (found["topic"], found["version"]) == ("greeter", "1.1")
    assert list(found["verbs"]) == ["count", "greet", "remember", "wait"]
    assert found["verbs"]["count"]["timeout"] == "configured"
    assert found["verbs"]["greet"] == {
        "kind": "call",
        "since": "1.0",
        "request": {"$ref": "#/types/Greet"},
        "response": {"$ref": "#/types/Greeting"},
        "timeout": 60,
        "raises": ["Conflict"],
    }
    assert found["types"]["Greet"]["properties"]["tone"]["since"] == "1.1"
