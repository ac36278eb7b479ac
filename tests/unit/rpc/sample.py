"""A small contract, in the versions that the tests need."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Mapping
from typing import Protocol

from nova_clone.domain import errors
from nova_clone.domain.identity import RequestContext, RequestId
from nova_clone.rpc.contract import call, cast, contract

CONTEXT = RequestContext(request_id=RequestId("req-1"), auth_token="secret-token", roles=("admin",))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Greet:
    name: str
    times: int = 1
    tags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    tone: str = dataclasses.field(default="plain", metadata={"since": "1.1"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Greeting:
    text: str
    words: tuple[str, ...] = ()


@contract(topic="greeter", version="1.1")
class GreeterContract(Protocol):
    @call(since="1.0", timeout=60, raises=(errors.Conflict,))
    def greet(self, context: RequestContext, request: Greet, /) -> Greeting: ...

    @call(since="1.1", timeout=lambda: 4)
    def count(self, context: RequestContext, /) -> int: ...

    @call(since="1.0")
    def wait(self, context: RequestContext, /) -> None: ...

    @cast(since="1.0")
    def remember(self, context: RequestContext, request: Greet, /) -> None: ...


class Greeter:
    """Keeps what it was asked; raises what ``failure`` holds."""

    def __init__(self) -> None:
        self.remembered: list[tuple[RequestContext, Greet]] = []
        self.arrived = threading.Semaphore(0)
        self.gate = threading.Event()
        self.failure: Exception | None = None

    def greet(self, context: RequestContext, request: Greet, /) -> Greeting:
        if self.failure is not None:
            raise self.failure
        return Greeting(text=f"{request.tone} {request.name}", words=("hello",) * request.times)

    def count(self, context: RequestContext, /) -> int:
        return len(self.remembered)

    def wait(self, context: RequestContext, /) -> None:
        self.arrived.release()
        self.gate.wait(10)

    def remember(self, context: RequestContext, request: Greet, /) -> None:
        self.remembered.append((context, request))
        self.arrived.release()
        if self.failure is not None:
            raise self.failure
