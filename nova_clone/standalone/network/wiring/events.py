"""Telling the compute service which ports are plugged."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Mapping
from typing import Any

from keystoneauth1 import exceptions, loading
from keystoneauth1.session import Session

from nova_clone.standalone.network.records import Port

_LOG = logging.getLogger(__name__)

#: Events of one request.
_MOST = 100
_BACKLOG = 10000


class Events:
    """Sends server external events in the order they came; those it cannot send are lost."""

    def __init__(self, url: str, credentials: Mapping[str, str]) -> None:
        self._url = f"{url.rstrip('/')}/os-server-external-events"
        plugin: Any = loading.get_plugin_loader("v3password").load_from_options(**credentials)
        self._session = Session(auth=plugin, timeout=30)
        self._queue: queue.Queue[dict[str, str] | None] = queue.Queue(_BACKLOG)
        self._thread = threading.Thread(target=self._send_all, name="events", daemon=True)

    def start(self) -> None:
        """Send from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Send what is waiting, then end."""
        self._queue.put(None)
        self._thread.join()

    def plugged(self, port: Port) -> None:
        """Say that a guest's port is plugged."""
        self._add(port, "network-vif-plugged")

    def unplugged(self, port: Port) -> None:
        """Say that a guest's port is not plugged any more."""
        self._add(port, "network-vif-unplugged")

    def _add(self, port: Port, name: str) -> None:
        if not port.device_owner.startswith("compute:") or not port.device_id:
            return
        event = {
            "name": name,
            "server_uuid": port.device_id,
            "tag": port.id,
            "status": "completed",
        }
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            _LOG.warning("Event %s of port %s is lost: too many are waiting.", name, port.id)

    def _send_all(self) -> None:
        while (first := self._queue.get()) is not None:
            events = [first]
            last = False
            while len(events) < _MOST and not self._queue.empty():
                more = self._queue.get()
                if more is None:
                    last = True
                    break
                events.append(more)
            self._send(events)
            if last:
                return

    def _send(self, events: list[dict[str, str]]) -> None:
        try:
            self._session.post(self._url, json={"events": events})
        except exceptions.ClientException as error:
            _LOG.warning("%s events were not taken: %s", len(events), error)
