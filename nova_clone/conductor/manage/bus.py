"""Asking daemons from a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nova_clone.runtime import concurrency


@contextmanager
def open_bus(conf: Any) -> Iterator[Any]:
    """Yield a bus over the configured broker; closed when all went well.

    After a failure the driver may wait for the broker without end before it lets itself be
    closed; the command ends instead.
    """
    concurrency.init()
    # The library beneath must be told of the concurrency backend first, and is slow to load.
    from nova_clone.rpc.transport import Bus

    bus = Bus(conf, name="nova-manage", host=conf.host)
    yield bus
    bus.close()
