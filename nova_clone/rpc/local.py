"""An in-process message driver: every bus of one process that uses ``fake://`` shares it.

It behaves as the broker does where it matters: a queue outlives its server,
an address that never had a server is unroutable, and an expired call is
dropped. Unlike the driver of that name in oslo.messaging it does not poll.
"""

from __future__ import annotations

import collections
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import oslo_messaging
from oslo_messaging._drivers import base

Deliver = Callable[[list[Any]], None]


class Incoming(base.RpcIncomingMessage):  # type: ignore[misc]
    """A message with the means to answer it."""

    def __init__(self, message: dict[str, Any], replies: queue.SimpleQueue[Any] | None) -> None:
        super().__init__({}, message)
        self._replies = replies

    def reply(self, reply: Any = None, failure: Any = None) -> None:
        if self._replies is not None:
            self._replies.put((reply, failure[1] if failure else None))

    def acknowledge(self) -> None:
        """Do nothing: delivery is the acknowledgement."""

    def requeue(self) -> None:
        """Do nothing: nothing is ever given back."""

    def heartbeat(self) -> None:
        """Do nothing: the caller shares this process."""


class _Queue:
    """Messages for one address, handed to its listeners in turn."""

    def __init__(self) -> None:
        self.listeners: list[LocalListener] = []
        self.backlog: collections.deque[tuple[float, Incoming]] = collections.deque()
        self._turn = 0

    def next_listener(self) -> LocalListener | None:
        if not self.listeners:
            return None
        self._turn = (self._turn + 1) % len(self.listeners)
        return self.listeners[self._turn]


class Exchange:
    """Every queue of the process, by topic or by topic and server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queues: dict[str, _Queue] = {}
        self._fanout: dict[str, list[LocalListener]] = collections.defaultdict(list)

    def attach(self, listener: LocalListener) -> None:
        """Hand a listener its backlog and everything that comes from now on."""
        waiting: list[Incoming] = []
        with self._lock:
            for address in listener.addresses:
                found = self._queues.setdefault(address, _Queue())
                found.listeners.append(listener)
                now = time.monotonic()
                waiting += [item for deadline, item in found.backlog if deadline > now]
                found.backlog.clear()
            self._fanout[listener.topic].append(listener)
        for item in waiting:
            listener.deliver(item)

    def detach(self, listener: LocalListener) -> None:
        """Stop handing messages to a listener; its queues stay."""
        with self._lock:
            for address in listener.addresses:
                found = self._queues.get(address)
                if found is not None and listener in found.listeners:
                    found.listeners.remove(listener)
            if listener in self._fanout[listener.topic]:
                self._fanout[listener.topic].remove(listener)

    def publish(self, address: str, incoming: Incoming, *, deadline: float) -> bool:
        """Deliver or keep a message; False when the address never existed."""
        with self._lock:
            found = self._queues.get(address)
            if found is None:
                return False
            listener = found.next_listener()
            if listener is None:
                found.backlog.append((deadline, incoming))
        if listener is not None:
            listener.deliver(incoming)
        return True

    def publish_to_all(self, topic: str, message: dict[str, Any]) -> None:
        """Deliver a message to every listener of a topic."""
        with self._lock:
            listeners = list(self._fanout[topic])
        for listener in listeners:
            listener.deliver(Incoming(dict(message), None))

    def delete(self, address: str) -> None:
        """Forget a queue, as an operator can do to a broker's."""
        with self._lock:
            self._queues.pop(address, None)

    def clear(self) -> None:
        """Forget every queue."""
        with self._lock:
            self._queues.clear()
            self._fanout.clear()


EXCHANGE = Exchange()


class LocalListener(base.Listener):  # type: ignore[misc]
    """What a server listens with: the sender's thread hands the message over."""

    def __init__(self, target: oslo_messaging.Target) -> None:
        super().__init__(1, None, 1)
        self.topic: str = target.topic
        self.addresses = (target.topic, f"{target.topic}.{target.server}")

    def start(self, on_incoming_callback: Deliver) -> None:
        self._deliver = on_incoming_callback
        EXCHANGE.attach(self)

    def deliver(self, incoming: Incoming) -> None:
        self._deliver([incoming])

    def stop(self) -> None:
        EXCHANGE.detach(self)

    def cleanup(self) -> None:
        """Do nothing: there is no connection to close."""


class LocalDriver(base.BaseDriver):  # type: ignore[misc]
    """The driver behind ``fake://``."""

    def require_features(self, requeue: bool = False) -> None:  # noqa: FBT001, FBT002
        """Accept any feature."""

    def send(
        self,
        target: oslo_messaging.Target,
        ctxt: dict[str, Any],
        message: dict[str, Any],
        wait_for_reply: bool | None = None,  # noqa: FBT001
        timeout: float | None = None,
        **options: Any,
    ) -> Any:
        if target.fanout:
            EXCHANGE.publish_to_all(target.topic, message)
            return None
        replies: queue.SimpleQueue[Any] | None = queue.SimpleQueue() if wait_for_reply else None
        address = f"{target.topic}.{target.server}" if target.server else target.topic
        deadline = time.monotonic() + timeout if timeout is not None else float("inf")
        if not EXCHANGE.publish(address, Incoming(dict(message), replies), deadline=deadline):
            raise oslo_messaging.MessageUndeliverable("no queue", "local", address, None)
        if replies is None:
            return None
        try:
            reply, failure = replies.get(timeout=timeout)
        except queue.Empty:
            raise oslo_messaging.MessagingTimeout(f"No reply on topic {address}") from None
        if failure is not None:
            raise failure
        return reply

    def send_notification(
        self, target: Any, ctxt: Any, message: Any, version: Any, retry: Any = None
    ) -> None:
        """Drop it: nobody in this process consumes notifications."""

    def listen_for_notifications(
        self, targets_and_priorities: Any, pool: Any, batch_size: int, batch_timeout: float | None
    ) -> LocalListener:
        """Refuse: notifications are not kept."""
        raise oslo_messaging.InvalidTarget("fake:// keeps no notifications", None)

    def listen(
        self, target: oslo_messaging.Target, batch_size: int, batch_timeout: float | None
    ) -> LocalListener:
        return LocalListener(target)

    def cleanup(self) -> None:
        """Do nothing: the exchange belongs to the process."""
