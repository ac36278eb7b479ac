"""A daemon's entry among the cloud's services: made at its start, kept alive by heartbeats."""

from __future__ import annotations

import logging
import random
import threading
from typing import Protocol

from nova_clone.contracts.hosts import Heartbeat, RegisterService
from nova_clone.domain.errors import NotFound, NovaError
from nova_clone.domain.host import Service
from nova_clone.domain.identity import RequestContext, service_context

LOG = logging.getLogger(__name__)

#: Seconds between two tries to register while the conductor does not answer.
PATIENCE = 2.0


class Registry(Protocol):
    """The part of the conductor that knows services."""

    def register_service(self, context: RequestContext, request: RegisterService, /) -> Service:
        """Record a daemon."""

    def heartbeat(self, context: RequestContext, request: Heartbeat, /) -> None:
        """Record that a daemon is alive."""


class Membership:
    """Registers a daemon in the background and reports that it lives.

    ``interval`` is ``report_interval``, in seconds. A daemon whose entry was deleted
    registers again. Start-up does not wait for the conductor.
    """

    def __init__(self, registry: Registry, entry: RegisterService, *, interval: float) -> None:
        self._registry = registry
        self._entry = entry
        self._interval = interval
        self._service_id: str | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="membership", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; the entry stays and shows as down after a while."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(PATIENCE)

    def _run(self) -> None:
        pause = 0.0
        while not self._stopping.wait(pause):
            pause = self._beat() * random.uniform(0.9, 1.1)  # noqa: S311 - spreads many hosts

    def _beat(self) -> float:
        context = service_context()
        try:
            if self._service_id is None:
                self._service_id = self._registry.register_service(context, self._entry).id
            else:
                self._registry.heartbeat(context, Heartbeat(service_id=self._service_id))
        except NotFound:
            self._service_id = None
            return 0.0
        except NovaError as error:
            LOG.warning("%s cannot report that it lives: %s", self._entry.binary, error)
            return min(PATIENCE, self._interval)
        return self._interval
