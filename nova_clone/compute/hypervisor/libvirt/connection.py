"""The connection to libvirtd: one, renewed when it breaks, with calls that end in time."""

from __future__ import annotations

import contextlib
import logging
import threading
import urllib.parse
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import libvirt

from nova_clone.compute.hypervisor.libvirt.calls import Calls
from nova_clone.compute.hypervisor.libvirt.events import LOOP
from nova_clone.compute.hypervisor.libvirt.native import Native, here, wrapped
from nova_clone.compute.hypervisor.libvirt.translation import translated
from nova_clone.domain.errors import NovaError, Unavailable

LOG = logging.getLogger(__name__)

T = TypeVar("T")

#: A silent peer is asked every so many seconds, and given up after so many questions. Only a
#: remote one: giving up a connection with calls under way can crash older libvirts
#: (CVE-2024-4418), and a local peer that dies is noticed anyway.
KEEPALIVE = (5, 5)
#: Seconds between two attempts to connect: the first and the longest pause.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 15.0


def is_remote(uri: str) -> bool:
    """Tell whether a connection leaves this machine."""
    return bool(urllib.parse.urlsplit(uri).netloc)


class Listener(Protocol):
    """Hears of guests, and of gaps in what could be heard."""

    def guest_event(self, server_id: str, event: int) -> None:
        """Take a lifecycle event of a guest."""

    def reconnected(self) -> None:
        """Take note that events were missed."""


class Connection:
    """One connection to libvirtd."""

    def __init__(self, uri: str, calls: Calls, *, timeout: float, native: Native = here) -> None:
        self._uri = uri
        self._native = native
        self._calls = calls
        self._timeout = timeout
        self._opening = threading.Lock()
        self._changed = threading.Condition()
        self._connection: Any = None
        self._listener: Listener | None = None
        self._keeper: threading.Thread | None = None
        self._closed = False
        self._callback: int | None = None

    def open(self, listener: Listener) -> None:
        """Connect, and keep being connected from then on. Raises Unavailable."""
        LOOP.ensure_running(self._native)
        with self._changed:
            self._closed = False
            self._listener = listener
        self.call(lambda connection: connection.getLibVersion())
        with self._changed:
            if self._keeper is None:
                self._keeper = threading.Thread(
                    target=self._keep, name="libvirt-connection", daemon=True
                )
                self._keeper.start()

    def close(self) -> None:
        """Disconnect for good; a libvirtd that hangs is left alone."""
        with self._changed:
            self._closed = True
            connection, self._connection = self._connection, None
            keeper, self._keeper = self._keeper, None
            self._changed.notify_all()
        if keeper is not None:
            keeper.join()
        if connection is not None:
            with contextlib.suppress(NovaError):
                self._calls.run(lambda: self._drop(connection), timeout=self._timeout)
        self._calls.close()

    def call(self, function: Callable[[Any], T], *, timeout: float | None = None) -> T:
        """Return what `function` returns for the connection.

        Raises libvirt's errors as errors by meaning, and TimedOut after `timeout` s.
        """
        return self._calls.run(
            lambda: self._on_connection(function), timeout=timeout or self._timeout
        )

    def _on_connection(self, function: Callable[[Any], T]) -> T:
        connection = self._current()
        try:
            return function(connection)
        except libvirt.libvirtError as error:
            raise translated(error, connected=bool(connection.isAlive())) from error

    def _current(self) -> Any:
        connection = self._connection
        if connection is not None and connection.isAlive():
            return connection
        with self._opening:
            if self._closed:
                raise Unavailable("The connection to libvirt is closed.")
            connection = self._connection
            if connection is not None and connection.isAlive():
                return connection
            if connection is not None:
                self._drop(connection)
            self._connection = None
            self._connection = self._connect()
            return self._connection

    def _connect(self) -> Any:
        try:
            opened = self._native(lambda: libvirt.open(self._uri))
            connection = wrapped(opened, self._native)
            if is_remote(self._uri):
                connection.setKeepAlive(*KEEPALIVE)
            connection.registerCloseCallback(self._on_close, None)
            self._callback = connection.domainEventRegisterAny(
                None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._on_event, None
            )
        except libvirt.libvirtError as error:
            raise Unavailable(f"libvirt at {self._uri}: {error.get_error_message()}") from error
        LOG.info("connected to libvirt at %s", self._uri)
        return connection

    def _drop(self, connection: Any) -> None:
        # It closes when the last reference is gone. Calls of other threads may still be
        # under way, and libvirt would free what they work with.
        with contextlib.suppress(libvirt.libvirtError):
            connection.unregisterCloseCallback()
        with contextlib.suppress(libvirt.libvirtError):
            connection.domainEventDeregisterAny(self._callback)

    def _on_event(self, _conn: Any, domain: Any, event: int, _detail: int, _opaque: Any) -> None:
        listener, server_id = self._listener, domain.UUIDString()
        if listener is not None:
            LOOP.note(lambda: listener.guest_event(server_id, event))

    def _on_close(self, connection: Any, reason: int, _opaque: Any) -> None:
        LOOP.note(lambda: self._lost(reason))

    def _lost(self, reason: int) -> None:
        with self._changed:
            if not self._closed:
                LOG.warning("the connection to libvirt broke (reason %d)", reason)
            self._changed.notify_all()

    def _is_lost(self) -> bool:
        connection = self._connection
        return connection is None or not connection.isAlive()

    def _keep(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._is_lost())
            if not self._renew():
                return

    def _renew(self) -> bool:
        """Connect anew, however often it takes; False when it is not wanted any more."""
        pause = FIRST_PAUSE
        while not self._closed:
            try:
                self.call(lambda connection: connection.getLibVersion())
                listener = self._listener
                if listener is not None:
                    listener.reconnected()
            except NovaError as error:
                LOG.warning("libvirt is not back yet: %s", error.message)
            else:
                return True
            with self._changed:
                self._changed.wait_for(lambda: self._closed, timeout=pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        return False
