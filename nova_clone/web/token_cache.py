"""Validated tokens, remembered within one process."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict


class TokenCache:
    """A bounded cache with the calls that the token middleware makes.

    The middleware names entries by a digest of the token and gives each the
    seconds of ``token_cache_time``. The entry that was stored or asked for
    longest ago goes first. One cache serves all threads of a process.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """Return a value that has not run out, or None."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            if entry[0] <= time.monotonic():
                del self._entries[key]
                return None
            self._entries.move_to_end(key)
            return entry[1]

    def set(self, key: str, value: bytes, time: int = 0) -> bool:
        """Keep a value for `time` seconds."""
        return self._put(key, value, seconds=time)

    def _put(self, key: str, value: bytes, *, seconds: int) -> bool:
        if seconds <= 0:
            return False
        with self._lock:
            self._entries[key] = (time.monotonic() + seconds, value)
            self._entries.move_to_end(key)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)
        return True
