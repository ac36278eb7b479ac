"""Guests that do something by themselves, and guests that nobody owns any more."""

from __future__ import annotations

import datetime as dt
import logging
import threading

from nova_clone.compute.environment import Environment
from nova_clone.compute.operations import Operations
from nova_clone.compute.tasks.destroy import remove_from_host
from nova_clone.contracts.hosts import HostRef, HostServers, PowerObserved
from nova_clone.contracts.servers import ListServers, ServerFilters
from nova_clone.domain.errors import Unavailable
from nova_clone.domain.identity import service_context
from nova_clone.domain.port import Vif
from nova_clone.domain.server.server import Server
from nova_clone.domain.server.status import PowerState, TaskState

LOG = logging.getLogger(__name__)


class PowerSync:
    """Tells the conductor of power states that no operation has brought about.

    A change is looked at a little later than it happened, so that the operation which
    caused it is over and reported by then.
    """

    def __init__(self, env: Environment, operations: Operations) -> None:
        self._env = env
        self._operations = operations
        self._changed = threading.Condition()
        self._pending: set[str] = set()
        self._known: dict[str, PowerState] = {}
        self._closed = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to work off power changes."""
        self._thread = threading.Thread(target=self._run, name="power-sync", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop; what has not been told yet is found by the next full comparison."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def on_power_change(self, server_id: str, state: PowerState) -> None:
        """Take note that a guest changed its state; the driver calls this."""
        with self._changed:
            if self._known.get(server_id) is not state:
                self._pending.add(server_id)
                self._changed.notify_all()

    def knows(self, server_id: str, state: PowerState) -> None:
        """Take note of a state that the conductor has been told."""
        with self._changed:
            if state is PowerState.NOSTATE:
                self._known.pop(server_id, None)
            else:
                self._known[server_id] = state

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._closed)
                self._changed.wait_for(
                    lambda: self._closed, timeout=self._env.settings.power_event_delay
                )
                if self._closed:
                    return
            self.settle()

    def settle(self) -> None:
        """Tell of every change noted so far that nothing explains."""
        with self._changed:
            pending, self._pending = self._pending, set()
        try:
            states = self._states()
            for server_id in sorted(pending):
                # Whatever is in progress reports the state itself, or is reported later.
                if not self._operations.busy(server_id):
                    self._observe(server_id, states.get(server_id, PowerState.NOSTATE))
        except Unavailable as error:
            LOG.warning("power states are not told yet: %s", error.message)
            with self._changed:
                self._pending |= pending

    def full(self) -> None:
        """Compare every server of this host with its guest."""
        states = self._states()
        found = self.servers()
        for server in found.servers:
            if server.id in found.tickets or server.task_state is not None:
                continue
            state = states.get(server.id, PowerState.NOSTATE)
            if state is not server.power_state and not self._operations.busy(server.id):
                LOG.info("server %s is %s, not %s", server.id, state, server.power_state)
                self.knows(server.id, PowerState.NOSTATE)
                self._observe(server.id, state)

    def servers(self) -> HostServers:
        """Return what belongs on this host."""
        return self._env.conductor.host_servers(service_context(), HostRef(host=self._env.host))

    def _states(self) -> dict[str, PowerState]:
        return {guest.server_id: guest.power_state for guest in self._env.driver.guests()}

    def _observe(self, server_id: str, state: PowerState) -> None:
        with self._changed:
            if self._known.get(server_id) is state:
                return
        self._env.conductor.power_observed(
            service_context(),
            PowerObserved(server_id=server_id, host=self._env.host, power_state=state),
        )
        self.knows(server_id, state)


class Orphans:
    """Guests whose servers are deleted: removed, or whatever the settings say.

    A guest of which the database knows nothing at all is never touched: a wrong database
    must not cost anybody's data.
    """

    def __init__(self, env: Environment, operations: Operations) -> None:
        self._env = env
        self._operations = operations

    def look(self) -> None:
        """Look for guests that do not belong here any more."""
        if self._env.settings.orphan_action == "noop":
            return
        guests = {guest.server_id for guest in self._env.driver.guests()}
        found = self._env.conductor.host_servers(service_context(), HostRef(host=self._env.host))
        self.check(guests - {server.id for server in found.servers})

    def clear(self, server_id: str, made: tuple[Vif, ...] = ()) -> bool:
        """Remove all that this host made for a server, if the server is deleted.

        What a late request has made is no orphan that settings decide about: it goes, with
        the ports in ``made``. Returns False when it cannot be told yet whether the server
        lives on, because it is being worked on or deleted.
        """
        if self._operations.busy(server_id):
            return False
        for server in self._records((server_id,)):
            if not server.deleted:
                return server.task_state is not TaskState.DELETING
            LOG.info("server %s is deleted: what was made for it is removed", server_id)
            self._remove(server, made)
        return True

    def check(self, server_ids: set[str]) -> None:
        """Deal with the guests of these servers if the servers are deleted."""
        suspects = tuple(sorted(each for each in server_ids if not self._operations.busy(each)))
        if not suspects:
            return
        records = {server.id: server for server in self._records(suspects)}
        for server_id in suspects:
            server = records.get(server_id)
            if server is None:
                LOG.warning("guest %s is unknown to the database; it is left alone", server_id)
            elif not server.deleted:
                LOG.warning("guest %s belongs to host %s", server_id, server.host)
            elif self._is_due(server):
                self._act(server)

    def _records(self, server_ids: tuple[str, ...]) -> tuple[Server, ...]:
        query = ListServers(filters=ServerFilters(ids=server_ids, deleted=None), detail=True)
        return self._env.conductor.list_servers(service_context(), query).servers

    def _is_due(self, server: Server) -> bool:
        since = server.terminated_at or server.updated_at
        patience = dt.timedelta(seconds=self._env.settings.orphan_timeout)
        return since is None or dt.datetime.now(tz=dt.UTC) - _aware(since) >= patience

    def _act(self, server: Server) -> None:
        match self._env.settings.orphan_action:
            case "reap":
                LOG.warning("server %s is deleted: its guest is removed", server.id)
                self._remove(server)
            case "shutdown":
                LOG.warning("server %s is deleted: its guest is shut down", server.id)
                self._env.driver.power_off(server, 0)
            case "log":
                LOG.warning("server %s is deleted, but its guest is here", server.id)
            case "noop":
                return

    def _remove(self, server: Server, made: tuple[Vif, ...] = ()) -> None:
        # Neither the record nor the network service alone knows every port there ever was.
        known = (*server.vifs, *self._env.networks.vifs(server.id), *made)
        remove_from_host(self._env, server, tuple({vif.port_id: vif for vif in known}.values()))
        self._env.networks.release(server.id)


def _aware(moment: dt.datetime) -> dt.datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
