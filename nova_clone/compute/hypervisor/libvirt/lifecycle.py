"""Guests of libvirt: define, start, stop, remove, look at."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import libvirt

from nova_clone.compute.hypervisor.libvirt.connection import Connection
from nova_clone.compute.hypervisor.libvirt.events import STATES, PowerWatch
from nova_clone.compute.hypervisor.libvirt.translation import is_absence, is_needless
from nova_clone.compute.hypervisor.libvirt.xml import metadata
from nova_clone.compute.hypervisor.port import GuestState
from nova_clone.domain.errors import NotFound
from nova_clone.domain.server.status import PowerState

LOG = logging.getLogger(__name__)

#: A guest that is just booting does not hear the first request to shut down.
ASK_AGAIN = 10.0

_UP = frozenset({PowerState.RUNNING, PowerState.PAUSED})
_REMNANTS = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
)


class Guests:
    """The guests of one host; ``host`` is the name that theirs carry."""

    def __init__(
        self, connection: Connection, watch: PowerWatch, *, host: str, long_timeout: float
    ) -> None:
        self._connection = connection
        self._watch = watch
        self._host = host
        self._long = long_timeout
        self._lock = threading.Lock()
        self._ours: dict[str, bool] = {}

    def all(self) -> tuple[GuestState, ...]:
        """Return every guest of this host."""
        return self._connection.call(self._all)

    def forget(self, server_id: str) -> None:
        """Look again whose guest it is: it was defined anew or removed."""
        with self._lock:
            self._ours.pop(server_id, None)

    def state(self, server_id: str) -> PowerState:
        """Return the power state of a guest; NOSTATE when there is none."""
        return self._connection.call(lambda connection: _state(connection, server_id))

    def start(self, server_id: str, description: str) -> PowerState:
        """Define a guest and start it; one that is up already is only woken.

        Returns its power state.
        """

        def begin(connection: Any) -> PowerState:
            if _state(connection, server_id) in _UP:
                _wake(connection.lookupByUUIDString(server_id))
            else:
                domain = connection.defineXMLFlags(description, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
                domain.createWithFlags(0)
            return _state(connection, server_id)

        return self._doing(server_id, begin)

    def start_again(self, server_id: str) -> None:
        """Start a guest as it is defined; raises NotFound when it is not."""

        def begin(connection: Any) -> PowerState:
            domain = connection.lookupByUUIDString(server_id)
            try:
                domain.createWithFlags(0)
            except libvirt.libvirtError as error:
                # It runs already when somebody else was faster.
                if is_absence(error) or not is_needless(error):
                    raise
            return _state(connection, server_id)

        self._doing(server_id, begin)

    def cut_power(self, server_id: str) -> None:
        """Stop a guest at once; raises NotFound when there is none."""

        def cut(connection: Any) -> PowerState:
            domain = connection.lookupByUUIDString(server_id)
            try:
                domain.destroy()
            except libvirt.libvirtError as error:
                if not is_needless(error):
                    raise
            return _state(connection, server_id)

        self._doing(server_id, cut)

    def remove(self, server_id: str) -> None:
        """Stop a guest at once and undefine it; no guest is fine."""

        def undefine(connection: Any) -> PowerState:
            for remove in (_destroy, _undefine):
                try:
                    remove(connection.lookupByUUIDString(server_id))
                except libvirt.libvirtError as error:
                    if not is_needless(error):
                        raise
            return _state(connection, server_id)

        self._doing(server_id, undefine)

    def shut_down(self, server_id: str, timeout: float) -> bool:
        """Ask a guest to shut down and wait up to `timeout` s; False when it still runs.

        Raises NotFound when there is no such guest.
        """
        deadline = time.monotonic() + timeout
        with self._watch.own_doing(server_id), self._watch.any_change(server_id) as happened:
            asked = -ASK_AGAIN
            while True:
                state = self._existing(server_id)
                if state not in _UP:
                    self._watch.knows(server_id, state)
                    return True
                now = time.monotonic()
                if now >= deadline:
                    return False
                if now - asked >= ASK_AGAIN:
                    asked = now
                    self._ask(server_id)
                happened.clear()
                # What happened between the look at the state and here is seen next time.
                if self.state(server_id) in _UP:
                    happened.wait(min(deadline, asked + ASK_AGAIN) - now)

    def description(self, server_id: str) -> str:
        """Return the XML of a guest as it is now; raises NotFound when there is none."""
        return self._connection.call(
            lambda connection: str(connection.lookupByUUIDString(server_id).XMLDesc(0))
        )

    def _existing(self, server_id: str) -> PowerState:
        state = self.state(server_id)
        if state is PowerState.NOSTATE:
            raise NotFound(f"Instance {server_id} could not be found.")
        return state

    def _ask(self, server_id: str) -> None:
        def ask(connection: Any) -> None:
            try:
                connection.lookupByUUIDString(server_id).shutdown()
            except libvirt.libvirtError as error:
                # A guest that cannot be asked is treated as one that does not listen.
                LOG.info("guest %s cannot be asked to shut down: %s", server_id, error)

        self._connection.call(ask)

    def _doing(self, server_id: str, action: Callable[[Any], PowerState]) -> PowerState:
        with self._watch.own_doing(server_id):
            state = self._connection.call(action, timeout=self._long)
            self._watch.knows(server_id, state)
        self.forget(server_id)
        return state

    def _all(self, connection: Any) -> tuple[GuestState, ...]:
        stats = connection.getAllDomainStats(
            libvirt.VIR_DOMAIN_STATS_STATE, libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
        )
        return tuple(
            GuestState(
                server_id=domain.UUIDString(),
                name=domain.name(),
                power_state=STATES.get(values.get("state.state", 0), PowerState.NOSTATE),
            )
            for domain, values in stats
            if self._is_ours(domain)
        )

    def _is_ours(self, domain: Any) -> bool:
        server_id = domain.UUIDString()
        with self._lock:
            known = self._ours.get(server_id)
        if known is None:
            known = _home(domain) in (self._host, "")
            with self._lock:
                self._ours[server_id] = known
        return known


def _home(domain: Any) -> str | None:
    """Return the host that a guest names as its own, "" for any, ``None`` for no guest of ours."""
    for uri in (metadata.HOME, metadata.NOVA):
        try:
            text = domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, uri)
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN_METADATA or is_absence(error):
                continue
            raise
        return metadata.home_of(text) if uri == metadata.HOME else ""
    return None


def _state(connection: Any, server_id: str) -> PowerState:
    try:
        state, _reason = connection.lookupByUUIDString(server_id).state()
    except libvirt.libvirtError as error:
        if is_absence(error):
            return PowerState.NOSTATE
        raise
    return STATES.get(state, PowerState.NOSTATE)


def _wake(domain: Any) -> None:
    """Let a guest go on whose start was broken off when it was defined but paused."""
    if domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED:
        domain.resume()


def _destroy(domain: Any) -> None:
    domain.destroy()


def _undefine(domain: Any) -> None:
    domain.undefineFlags(_REMNANTS)
