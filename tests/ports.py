"""Ports for the services that tests start."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Sequence
from pathlib import Path

#: Above what services are known by, below what Linux gives to clients unless told otherwise.
_PORTS = range(26000, 32768)
_OF_CLIENTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
#: The usual generator begins each test alike.
_CHANCE = random.SystemRandom()
#: Who was given a port need not listen at it yet.
_given: set[int] = set()


def free_ports(count: int, *, together: bool = False) -> list[int]:
    """Return ports that nobody listens at now and that this function never returned before.

    The kernel gives none of them to a client: who is killed finds its port free at its return.
    With ``together`` they follow one another.
    """
    known = _ports_for_services()
    found: list[int] = []
    while len(found) < count:
        first = _CHANCE.choice(known)
        wanted = range(first, first + (count if together else 1))
        if _given.isdisjoint(wanted) and all(port in known and _is_free(port) for port in wanted):
            found += wanted
            _given.update(wanted)
    return found


def _ports_for_services() -> Sequence[int]:
    low, high = map(int, _OF_CLIENTS.read_text().split())
    return [port for port in _PORTS if not low <= port <= high] or _PORTS


def _is_free(port: int) -> bool:
    with socket.socket() as listener, contextlib.suppress(OSError):
        listener.bind(("127.0.0.1", port))
        return True
    return False
