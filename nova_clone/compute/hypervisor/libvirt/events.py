"""libvirt's event loop, and what its events tell of the power of guests."""

from __future__ import annotations

import collections
import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping

import libvirt

from nova_clone.compute.hypervisor.libvirt.native import Native
from nova_clone.compute.hypervisor.port import OnPowerChange
from nova_clone.domain.server.status import PowerState

LOG = logging.getLogger(__name__)

STATES: Mapping[int, PowerState] = {
    libvirt.VIR_DOMAIN_NOSTATE: PowerState.NOSTATE,
    libvirt.VIR_DOMAIN_RUNNING: PowerState.RUNNING,
    libvirt.VIR_DOMAIN_BLOCKED: PowerState.RUNNING,
    libvirt.VIR_DOMAIN_PAUSED: PowerState.PAUSED,
    libvirt.VIR_DOMAIN_SHUTDOWN: PowerState.SHUTDOWN,
    libvirt.VIR_DOMAIN_SHUTOFF: PowerState.SHUTDOWN,
    libvirt.VIR_DOMAIN_CRASHED: PowerState.CRASHED,
    libvirt.VIR_DOMAIN_PMSUSPENDED: PowerState.SUSPENDED,
}
#: Events that mean a change of power. A guest that shuts down has not stopped yet.
_CHANGES: Mapping[int, PowerState] = {
    libvirt.VIR_DOMAIN_EVENT_STARTED: PowerState.RUNNING,
    libvirt.VIR_DOMAIN_EVENT_RESUMED: PowerState.RUNNING,
    libvirt.VIR_DOMAIN_EVENT_SUSPENDED: PowerState.PAUSED,
    libvirt.VIR_DOMAIN_EVENT_STOPPED: PowerState.SHUTDOWN,
    libvirt.VIR_DOMAIN_EVENT_CRASHED: PowerState.CRASHED,
    libvirt.VIR_DOMAIN_EVENT_PMSUSPENDED: PowerState.SUSPENDED,
}


class EventLoop:
    """The event loop that libvirt has once per process.

    Callbacks only leave notes; they are acted upon between two turns of the loop, so
    that under an event loop of the process itself no foreign thread runs its code.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._notes: collections.deque[Callable[[], None]] = collections.deque()

    def ensure_running(self, native: Native) -> None:
        """Start the loop; must come before the first connection of the process."""
        with self._lock:
            if self._thread is not None:
                return
            # It prints every error to standard error otherwise.
            libvirt.registerErrorHandler(lambda _context, _error: None, None)
            libvirt.virEventRegisterDefaultImpl()
            self._thread = threading.Thread(
                target=self._run, args=(native,), name="libvirt-events", daemon=True
            )
            self._thread.start()

    def note(self, action: Callable[[], None]) -> None:
        """Have `action` done after this turn; callbacks call this."""
        self._notes.append(action)

    def _run(self, native: Native) -> None:
        while True:
            try:
                native(libvirt.virEventRunDefaultImpl)
            except libvirt.libvirtError as error:
                LOG.warning("libvirt's event loop: %s", error)
            while self._notes:
                self._act(self._notes.popleft())

    def _act(self, action: Callable[[], None]) -> None:
        try:
            action()
        # The boundary of the thread: one listener must not silence the others.
        except Exception:
            LOG.exception("an event of libvirt could not be handled")


LOOP = EventLoop()


def change_of(event: int) -> PowerState | None:
    """Return the power state that a lifecycle event tells of, ``None`` for none."""
    return _CHANGES.get(event)


class PowerWatch:
    """Knows the power state of this host's guests and tells what changes by itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tell: OnPowerChange | None = None
        self._known: dict[str, PowerState] = {}
        self._own: collections.Counter[str] = collections.Counter()
        self._waiting: dict[str, list[threading.Event]] = {}

    def listen(self, tell: OnPowerChange | None) -> None:
        """Tell of changes from now on; nobody for ``None``."""
        with self._lock:
            self._tell = tell

    def knows(self, server_id: str, state: PowerState) -> None:
        """Take note of a state that needs no telling."""
        with self._lock:
            if state is PowerState.NOSTATE:
                self._known.pop(server_id, None)
            else:
                self._known[server_id] = state

    @contextlib.contextmanager
    def own_doing(self, server_id: str) -> Iterator[None]:
        """Tell nothing of a guest: what changes now is wanted."""
        with self._lock:
            self._own[server_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._own[server_id] -= 1
                if not self._own[server_id]:
                    del self._own[server_id]

    @contextlib.contextmanager
    def any_change(self, server_id: str) -> Iterator[threading.Event]:
        """Return an event that is set when something happens to a guest."""
        happened = threading.Event()
        with self._lock:
            self._waiting.setdefault(server_id, []).append(happened)
        try:
            yield happened
        finally:
            with self._lock:
                self._waiting[server_id].remove(happened)
                if not self._waiting[server_id]:
                    del self._waiting[server_id]

    def heard(self, server_id: str, state: PowerState) -> None:
        """Take note of a state that was observed, and tell if it is news."""
        with self._lock:
            for happened in self._waiting.get(server_id, ()):
                happened.set()
            # Guests that are not known here belong to somebody else.
            known = self._known.get(server_id)
            if known is None or known is state or server_id in self._own:
                return
            self._known[server_id] = state
            tell = self._tell
        if tell is not None:
            tell(server_id, state)

    def compare(self, states: Mapping[str, PowerState]) -> None:
        """Tell what changed while nothing could be heard."""
        with self._lock:
            gone = self._known.keys() - states.keys()
            for waiting in self._waiting.values():
                for happened in waiting:
                    happened.set()
        for server_id in gone:
            self.heard(server_id, PowerState.NOSTATE)
        for server_id, state in states.items():
            self.heard(server_id, state)
