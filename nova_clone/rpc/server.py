"""The receiving end: one listener, a bounded pool of threads, one dispatcher."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import oslo_messaging
from oslo_messaging.dispatcher import DispatcherBase

from nova_clone.domain import errors
from nova_clone.domain.identity import RequestContext
from nova_clone.rpc import codec
from nova_clone.rpc.contract import Endpoint, Handler

LOG = logging.getLogger(__name__)

PING = "ping"
#: The name space under which Nova's services answer a ping, and its version.
BASE_NAMESPACE = "baseapi"

#: Wraps the carrying out of one verb, so that log lines know whose work it is.
Around = Callable[[RequestContext, str, Any], contextlib.AbstractContextManager[Any]]


class Pong(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a ping; ``uptime`` is in seconds."""

    service: str
    host: str
    version: str
    uptime: float


@contextlib.contextmanager
def _nothing_around(context: RequestContext, verb: str, message: Any) -> Any:
    yield


class Dispatcher(DispatcherBase):  # type: ignore[misc]
    """Finds the handler of a received message and encodes what it returns or raises."""

    def __init__(
        self, *, topic: str, host: str, endpoints: Sequence[Endpoint], around: Around | None = None
    ) -> None:
        self._topic = topic
        self._host = host
        self._handlers: Mapping[str, Handler] = {
            name: handler for endpoint in endpoints for name, handler in endpoint.handlers.items()
        }
        self._version = endpoints[0].contract.version if endpoints else "1.0"
        self._around = around or _nothing_around
        self._started = time.monotonic()

    def dispatch(self, incoming: Any) -> Any:
        message = incoming.message
        name = message.get("method", "")
        args = message.get("args") or {}
        if name == PING:
            return self._pong(message, args)
        handler = self._handlers.get(name)
        if handler is None or not self._same_major(message.get("version")):
            LOG.warning(
                "%s has no verb %s of version %s", self._topic, name, message.get("version")
            )
            return codec.encode_error(
                errors.NotSupported(f"{self._topic} does not support {name}.", verb=name)
            )
        return self._carry_out(handler, args.get("payload", ""))

    def is_cast(self, message: Mapping[str, Any]) -> bool:
        """Tell whether a message names a verb that nobody waits for."""
        handler = self._handlers.get(message.get("method", ""))
        return handler is not None and handler.verb.kind == "cast"

    def _pong(self, message: Mapping[str, Any], args: Mapping[str, Any]) -> Any:
        if message.get("namespace") == BASE_NAMESPACE:
            return {"service": self._topic, "arg": args.get("arg")}
        uptime = time.monotonic() - self._started
        pong = Pong(service=self._topic, host=self._host, version=self._version, uptime=uptime)
        return msgspec.json.encode(pong).decode()

    def _same_major(self, version: str | None) -> bool:
        return (version or "1.0").partition(".")[0] == self._version.partition(".")[0]

    def _carry_out(self, handler: Handler, payload: str) -> str | None:
        verb = handler.verb
        request_id = None
        try:
            context, message = verb.codec.decode_request(payload)
            request_id = context.request_id
            with self._around(context, verb.name, message):
                return self._invoke(handler, context, message)
        # The boundary of a worker thread: whatever happens is answered and logged here.
        except Exception as error:  # noqa: BLE001
            return self._fault(handler, error, request_id)

    def _invoke(self, handler: Handler, context: RequestContext, message: Any) -> str | None:
        verb = handler.verb
        arguments = (context,) if verb.request is None else (context, message)
        try:
            result = handler.method(*arguments)
        except errors.NovaError as error:
            return self._fault(handler, error, context.request_id)
        return verb.codec.encode_result(result) if verb.kind == "call" else None

    def _fault(self, handler: Handler, error: Exception, request_id: str | None) -> str | None:
        verb = handler.verb
        if isinstance(error, errors.NovaError) and verb.codec.may_cross(error):
            LOG.info("%s %s: %s", self._topic, verb.name, error.message)
            return codec.encode_error(error) if verb.kind == "call" else None
        LOG.error("%s %s failed", self._topic, verb.name, exc_info=error)
        if verb.kind == "cast":
            return None
        return codec.encode_error(errors.NovaError("internal error", request_id=request_id))


class _Listener(oslo_messaging.rpc.server.RPCServer):  # type: ignore[misc]
    """oslo.messaging's server, refusing calls that would only wait for a thread."""

    def __init__(
        self, transport: Any, target: Any, dispatcher: Dispatcher, *, limit: int, blocking: bool
    ) -> None:
        super().__init__(transport, target, dispatcher)
        # It starts threads as they are needed and reuses idle ones.
        self._executor_cls = concurrent.futures.ThreadPoolExecutor
        self._room = threading.BoundedSemaphore(limit)
        self._blocking = blocking

    def _on_incoming(self, incoming: Any) -> None:
        if not self._room.acquire(blocking=False):
            if not self.dispatcher.is_cast(incoming[0].message):
                LOG.warning("too much work is waiting: a call is refused")
                incoming[0].reply(codec.encode_error(errors.Unavailable("The service is busy.")))
                return
            if not self._blocking:
                self._work_executor.submit(self._process_incoming, incoming)
                return
            # Work that nobody would send again waits in the broker until there is room.
            self._room.acquire()
        self._work_executor.submit(self._process_and_release, incoming)

    def _process_and_release(self, incoming: Any) -> None:
        try:
            self._process_incoming(incoming)
        finally:
            self._room.release()


class Carrier(Protocol):
    """What a server needs of a bus."""

    def hold(self) -> contextlib.AbstractContextManager[Any]:
        """Keep the oslo.messaging transport in use now open, and return it."""
        ...

    @property
    def blocking(self) -> bool:
        """Tell whether a listener may hold back its sender."""
        ...


class RpcServer:
    """Serves the contracts of one topic on one host.

    ``threads`` bounds how many verbs run at a time; ``backlog`` times as many
    may wait in this process, beyond which calls are refused as Unavailable
    and casts stay with the broker.
    """

    def __init__(
        self,
        carrier: Carrier,
        *,
        topic: str,
        host: str,
        dispatcher: Dispatcher,
        threads: int,
        backlog: int = 32,
    ) -> None:
        self.topic = topic
        self.host = host
        self._carrier = carrier
        self._dispatcher = dispatcher
        self._threads = threads
        self._limit = threads * (backlog + 1)
        self._listening: _Listening | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Declare the queues and start to listen; blocks until the broker answers."""
        with self._lock:
            if self._listening is None:
                self._listening = self._listen()

    def _listen(self) -> _Listening:
        held = contextlib.ExitStack()
        listener = _Listener(
            held.enter_context(self._carrier.hold()),
            oslo_messaging.Target(topic=self.topic, server=self.host),
            self._dispatcher,
            limit=self._limit,
            blocking=self._carrier.blocking,
        )
        listener.start(override_pool_size=self._threads)
        LOG.info("serving %s on %s with %s threads", self.topic, self.host, self._threads)
        return _Listening(listener=listener, held=held)

    def stop(self, timeout: float = 10) -> None:
        """Take no more messages; work in hand goes on. Waits ``timeout`` seconds at most."""
        listening = self._listening
        if listening is not None:
            _bounded(listening.listener.stop, timeout, f"stop of {self.topic}")

    def wait(self, timeout: float = 60) -> bool:
        """Stop, and wait ``timeout`` seconds at most for work in hand; False when some is left."""
        with self._lock:
            listening, self._listening = self._listening, None
        if listening is None:
            return True
        return _bounded(listening.finish, timeout, f"end of work of {self.topic}")

    def restart(self) -> None:
        """Listen anew over the bus's present connection; work in hand goes on."""
        with self._lock:
            old, self._listening = self._listening, None
            if old is not None:
                _bounded(old.listener.stop, 10, f"stop of {self.topic}")
            self._listening = self._listen()
        if old is not None:
            threading.Thread(target=old.finish, name=f"{self.topic}-leaving", daemon=True).start()


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class _Listening:
    """A listener, and the hold on the connection that its answers go over."""

    listener: _Listener
    held: contextlib.ExitStack

    def finish(self) -> None:
        with self.held:
            self.listener.stop()
            self.listener.wait()


def _bounded(action: Callable[[], Any], timeout: float, what: str) -> bool:
    # A driver that is reconnecting can hold these for as long as the broker is away.
    thread = threading.Thread(target=action, name=what, daemon=True)
    thread.start()
    thread.join(timeout)
    if thread.is_alive():
        LOG.warning("%s has not ended within %s seconds", what, timeout)
    return not thread.is_alive()
