"""The built-in HTTP server: a WSGI application on one socket, everything bounded.

Requests are received whole by one event loop before a thread takes them, so
slow clients hold connections but never threads. TLS belongs to a proxy or to
another WSGI server in front.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import select
import socket
import threading
import time
from collections.abc import Iterable
from typing import Any, Final

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from nova_clone.web.wsgi import OVERLOADED, Environ, StartResponse, WsgiApp

_LOG = logging.getLogger(__name__)

_POLL_SECONDS: Final = 1.0
_DRAIN_SECONDS: Final = 0.05
_CLEANUP_SECONDS: Final = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Where to listen and how much to take on at once.

    Port 0 asks for any free one. Once more than `max_waiting` requests wait
    for a thread, the oldest are marked with `OVERLOADED`. `idle_timeout` and `request_timeout` are
    seconds: how long a connection may rest between requests, and how long a
    client may take to send one whole request.
    """

    host: str = "0.0.0.0"  # noqa: S104 - the services of a cloud are asked from elsewhere
    port: int = 0
    threads: int = 16
    connections: int = 1000
    max_waiting: int = 200
    backlog: int = 1024
    max_body_bytes: int = 114688
    max_header_bytes: int = 65536
    idle_timeout: int = 60
    request_timeout: float = 30.0


class HttpServer:
    """Serves one WSGI application from its own threads.

    `listener` is a bound socket that several processes share, in place of an own one.
    """

    def __init__(
        self, app: WsgiApp, settings: ServerSettings, *, listener: socket.socket | None = None
    ) -> None:
        self._settings = settings
        self._dispatcher = _Dispatcher()
        self._map: dict[int, Any] = {}
        self._server = _Server(
            _Shedding(app, self._dispatcher, settings.max_waiting),
            map=self._map,
            dispatcher=self._dispatcher,
            adj=_adjustments(settings),
            _start=False,
            _sock=listener,
            bind_socket=listener is None,
        )
        self._server.request_timeout = settings.request_timeout
        self._address: tuple[str, int] = self._server.socket.getsockname()[:2]
        self._stopping = threading.Event()
        self._grace = 0.0
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> tuple[str, int]:
        """The address and port that are listened on."""
        return self._address

    @property
    def waiting(self) -> int:
        """How many requests wait for a thread."""
        return len(self._dispatcher.queue)

    @property
    def url(self) -> str:
        """The root of what is served, without a trailing slash."""
        host, port = self.address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def start(self) -> None:
        """Begin to accept connections."""
        self._dispatcher.set_thread_count(self._settings.threads)
        self._server.accept_connections()
        self._thread = threading.Thread(
            target=self._serve, name=f"http-{self.address[1]}", daemon=True
        )
        self._thread.start()
        _LOG.info("Listening on %s.", self.url)

    def stop(self, *, grace: float = 10.0) -> None:
        """Stop accepting, let running requests end within `grace` seconds, close all."""
        if self._thread is None:
            self._server.asyncore.close_all(self._map)
            return
        self._grace = grace
        self._stopping.set()
        self._server.pull_trigger()
        self._thread.join()
        self._thread = None

    def _serve(self) -> None:
        while not self._stopping.is_set():
            self._turn(_POLL_SECONDS)
        self._server.refuse_more()
        deadline = time.monotonic() + self._grace
        while self._server.busy() and time.monotonic() < deadline:
            self._turn(_DRAIN_SECONDS)
        self._dispatcher.shutdown(timeout=max(0.0, deadline - time.monotonic()))
        self._server.asyncore.close_all(self._map)

    def _turn(self, timeout: float) -> None:
        """Let the event loop run once; poll has no limit on descriptor numbers."""
        use_poll = hasattr(select, "poll")
        self._server.asyncore.loop(timeout=timeout, use_poll=use_poll, map=self._map, count=1)


class _Dispatcher(ThreadedTaskDispatcher):  # type: ignore[misc]
    """Hands requests to threads without a log line for each that has to wait."""

    def add_task(self, task: Any) -> None:
        with self.lock:
            self.queue.append(task)
            self.queue_cv.notify()


class _Shedding:
    """Tells the application when requests come in faster than it answers them."""

    def __init__(self, app: WsgiApp, dispatcher: ThreadedTaskDispatcher, limit: int) -> None:
        self._app = app
        self._dispatcher = dispatcher
        self._limit = limit

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if len(self._dispatcher.queue) > self._limit:
            environ[OVERLOADED] = True
        return self._app(environ, start_response)


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that remembers since when the request at hand is arriving."""

    arriving_since: float | None = None

    def received(self, data: bytes) -> bool:
        went_on: bool = super().received(data)
        if self.request is None:
            self.arriving_since = None
        elif self.arriving_since is None:
            self.arriving_since = time.monotonic()
        return went_on


class _Waker(wasyncore.dispatcher):  # type: ignore[misc]
    """Wakes the event loop from other threads, never blocking the one that calls.

    Waitress's own is a pipe, on which green threads may not write together.
    """

    def __init__(self, map: dict[int, Any]) -> None:  # noqa: A002 - waitress's name for it
        ours, self._far_end = socket.socketpair()
        self._far_end.setblocking(False)  # noqa: FBT003 - the socket's own signature
        super().__init__(ours, map=map)

    def writable(self) -> bool:
        return False

    def handle_read(self) -> None:
        self.recv(4096)

    def close(self) -> None:
        super().close()
        self._far_end.close()

    def pull_trigger(self) -> None:
        """Wake the loop; one that is about to wake, or has ended, needs no more."""
        with contextlib.suppress(OSError):
            self._far_end.send(b"x")


class _Server(TcpWSGIServer):  # type: ignore[misc]
    channel_class = _Channel
    request_timeout = 30.0
    trigger: Any

    def __init__(self, app: WsgiApp, **options: Any) -> None:
        super().__init__(app, **options)
        self.trigger.close()
        self.trigger = _Waker(self._map)

    def refuse_more(self) -> None:
        """Close the listening socket and keep the connections there are."""
        self.accepting = False
        self.del_channel()
        self.socket.close()

    def busy(self) -> bool:
        """Tell whether a request is being handled or a response being sent."""
        channels = list(self.active_channels.values())
        return any(channel.requests or channel.total_outbufs_len for channel in channels)

    def maintenance(self, now: float) -> None:
        """Close connections that rest too long or send too slowly."""
        super().maintenance(now)
        latest = time.monotonic() - self.request_timeout
        for channel in list(self.active_channels.values()):
            since = channel.arriving_since
            if since is not None and since < latest and not channel.requests:
                channel.will_close = True


def _adjustments(settings: ServerSettings) -> Adjustments:
    return Adjustments(
        host=settings.host,
        port=settings.port,
        threads=settings.threads,
        connection_limit=settings.connections,
        backlog=settings.backlog,
        # The application refuses large bodies itself, in the form its clients know.
        max_request_body_size=2 * settings.max_body_bytes,
        max_request_header_size=settings.max_header_bytes,
        channel_timeout=settings.idle_timeout,
        cleanup_interval=_CLEANUP_SECONDS,
        ident=None,
        clear_untrusted_proxy_headers=False,
    )
