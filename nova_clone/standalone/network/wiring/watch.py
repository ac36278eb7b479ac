"""A thread that hears of network devices coming and going."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from collections.abc import Callable

#: Multicast group of rtnetlink's messages about links.
_LINKS = 1
_BUFFER = 1 << 20


class LinkWatch:
    """Calls back after anything happened to a device of this namespace."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self._socket.bind((0, _LINKS))
        self._stop_read, self._stop_write = os.pipe()
        self._thread = threading.Thread(target=self._watch, name="links", daemon=True)

    def start(self) -> None:
        """Listen from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        os.write(self._stop_write, b"x")
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()
        os.close(self._stop_read)
        os.close(self._stop_write)

    def _watch(self) -> None:
        while True:
            descriptors = [self._socket.fileno(), self._stop_read]
            ready, _, _ = select.select(descriptors, [], [])
            if self._stop_read in ready:
                return
            # A full buffer loses messages, not the news that there was one.
            with contextlib.suppress(OSError):
                self._socket.recv(65536)
            self._changed()
