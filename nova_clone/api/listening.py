"""Where the API daemons listen, and in how many processes.

Console scripts import this before the concurrency backend is chosen, so it must load
nothing but the standard library and the runtime.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable
from typing import Any, Final

from nova_clone.runtime.daemon import Forking
from nova_clone.runtime.listening import listen

#: The modules of options that these daemons read.
OPTIONS: Final = ("api", "api_servers", "keystone_authtoken", "neutron", "wsgi", "zones")
OS_COMPUTE: Final = "osapi_compute"
METADATA: Final = "metadata"


def address(conf: Any, name: str) -> tuple[str, int]:
    """Return where the application `name` listens."""
    if name == METADATA:
        return conf.metadata_listen, conf.metadata_listen_port
    return conf.osapi_compute_listen, conf.osapi_compute_listen_port


def forking(names: Callable[[Any], Iterable[str]], workers: Callable[[Any], int | None]) -> Forking:
    """Return how the named applications share sockets and code among several processes."""

    def prepare(conf: Any) -> dict[str, socket.socket]:
        from nova_clone.api import serving  # noqa: F401 - for all workers to share

        return {name: listen(*address(conf, name)) for name in names(conf)}

    return Forking(count=lambda conf: workers(conf) or os.cpu_count() or 1, prepare=prepare)
