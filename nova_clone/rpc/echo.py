"""A service that calls itself through the broker, to know that others can."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable

from nova_clone.domain import errors
from nova_clone.rpc.server import RpcServer
from nova_clone.rpc.transport import Bus

LOG = logging.getLogger(__name__)

#: Seconds between two tries once one has failed.
RETRY = 2.0


class Echo:
    """Pings a server through its own queue, and mends the connection when that fails.

    An open connection proves little: a queue can be gone while it looks well.
    After ``failures`` pings without an answer within ``timeout`` seconds the
    service counts as unreachable: ``on_change(False)`` is called, the bus is
    renewed and the server listens anew; with the first answer ``on_change(True)``.
    """

    def __init__(
        self,
        bus: Bus,
        server: RpcServer,
        *,
        interval: float = 20.0,
        timeout: float = 5.0,
        failures: int = 3,
        on_change: Callable[[bool], None] | None = None,
    ) -> None:
        self._bus = bus
        self._server = server
        self._interval = interval
        self._timeout = timeout
        self._allowed = failures
        self._on_change = on_change or (lambda _reachable: None)
        self._failed = 0
        self._reachable = True
        self._answered = time.monotonic()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def reachable(self) -> bool:
        """Tell whether the service could be reached when last tried."""
        return self._reachable

    @property
    def age(self) -> float:
        """Return the seconds since the last answer."""
        return time.monotonic() - self._answered

    def start(self) -> None:
        """Begin to ping."""
        self._thread = threading.Thread(target=self._run, name="echo", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; a ping in hand is waited for."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(self._timeout + RETRY)

    def _run(self) -> None:
        while not self._stopping.wait(self._pause()):
            self.check()

    def _pause(self) -> float:
        if self._failed:
            return min(RETRY, self._interval)
        return self._interval * random.uniform(0.8, 1.2)  # noqa: S311

    def check(self) -> bool:
        """Ping once, act on the outcome and tell whether an answer came."""
        try:
            self._bus.ping(self._server.topic, server=self._server.host, timeout=self._timeout)
        except errors.NovaError as error:
            self._missed(error)
            return False
        self._failed = 0
        self._answered = time.monotonic()
        if not self._reachable:
            LOG.info("%s can be reached again", self._server.topic)
            self._reachable = True
            self._on_change(self._reachable)
        return True

    def _missed(self, error: errors.NovaError) -> None:
        self._failed += 1
        LOG.warning(
            "no echo from %s.%s (%s of %s): %s",
            self._server.topic,
            self._server.host,
            self._failed,
            self._allowed,
            error.message,
        )
        if self._failed < self._allowed:
            return
        self._failed = 0
        if self._reachable:
            self._reachable = False
            self._on_change(self._reachable)
        self._bus.renew()
        # The driver waits for the broker as long as it is away, and so may this.
        self._server.restart()
