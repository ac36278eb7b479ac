"""What handlers and workflows work with: the conductor's own parts and its peers."""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from nova_clone.clients.image import ImageService
from nova_clone.clients.network import NetworkService
from nova_clone.conductor.proposals import Proposals
from nova_clone.conductor.settings import ConductorSettings
from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.contracts.compute import ComputeContract
from nova_clone.contracts.scheduler import SchedulerContract
from nova_clone.workflow.journal import Journal, Lease


class Passwords:
    """Passwords of servers under construction: kept in memory alone, and not for long.

    When the process is lost, a server is finished without its password being injected.
    """

    def __init__(self, capacity: int = 10_000) -> None:
        self._capacity = capacity
        self._by_server: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, server_id: str, password: str) -> None:
        """Remember a password until it is dropped or pushed out by newer ones."""
        with self._lock:
            self._by_server[server_id] = password
            while len(self._by_server) > self._capacity:
                self._by_server.popitem(last=False)

    def get(self, server_id: str) -> str | None:
        """Return the password of a server if it is still known here."""
        with self._lock:
            return self._by_server.get(server_id)

    def drop(self, server_id: str) -> None:
        """Forget the password of a server."""
        with self._lock:
            self._by_server.pop(server_id, None)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Environment:
    """Everything that a handler or a step may use. ``compute`` maps a host to its proxy."""

    settings: ConductorSettings
    store: Store
    journal: Journal
    scheduler: SchedulerContract
    compute: Callable[[str], ComputeContract]
    images: ImageService
    networks: NetworkService
    passwords: Passwords = dataclasses.field(default_factory=Passwords)
    proposals: Proposals[Any] = dataclasses.field(default_factory=Proposals)
    #: The lease that work accepted here begins with, so that it need not be taken first.
    lease: Lease | None = None
