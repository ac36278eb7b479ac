"""The bus: oslo.messaging with our defaults, our errors and bounded waits."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import kombu.exceptions
import msgspec
import oslo_messaging

from nova_clone.domain import errors
from nova_clone.rpc import slots
from nova_clone.rpc.contract import Address, Endpoint, Outgoing
from nova_clone.rpc.local import LocalDriver
from nova_clone.rpc.server import PING, Around, Dispatcher, Pong, RpcServer

LOG = logging.getLogger(__name__)

CONTROL_EXCHANGE = "nova"
#: How often a send is tried again while the broker is away, and roughly for how long:
#: the driver waits 1, 3, 5, … seconds between tries.
CALL_RETRIES = 2
CAST_RETRIES = 4

#: What the driver lets through besides its own exceptions.
_BROKER_ERRORS = (
    oslo_messaging.MessagingException,
    kombu.exceptions.KombuError,
    kombu.exceptions.ConnectionError,
    kombu.exceptions.ChannelError,
    OSError,
)
_PONG = msgspec.json.Decoder(Pong)


def rabbit_defaults() -> dict[str, Any]:
    """Return the settings of the RabbitMQ driver that differ from its own defaults.

    The reconnect delay differs from process to process, so that a restarted
    broker is not met by everybody at once.
    """
    return {
        "rabbit_quorum_queue": True,
        "rabbit_transient_quorum_queue": True,
        "use_queue_manager": True,
        "kombu_reconnect_delay": round(random.uniform(0.2, 1.5), 2),  # noqa: S311
        "rabbit_interval_max": 10,
    }


class Bus:
    """Sends the messages of proxies and makes servers, over one oslo.messaging transport.

    ``conf`` must be oslo.config's global object: oslo.messaging reads some of
    its options from nowhere else. ``name`` and ``host`` make the names of this
    process's reply queue, which stay the same when it restarts. Make a bus
    after forking, not before.
    """

    def __init__(
        self,
        conf: Any,
        *,
        name: str = "nova",
        host: str | None = None,
        url: str | None = None,
        around: Around | None = None,
    ) -> None:
        oslo_messaging.set_transport_defaults(CONTROL_EXCHANGE)
        self._conf = conf
        self._url = oslo_messaging.TransportURL.parse(conf, url)
        self._around = around
        self._lock = threading.Lock()
        self._slot: slots.Slot | None = None
        if not self.is_local:
            self._prepare_rabbit(name, host)
        self._link = self._connect()

    @property
    def is_local(self) -> bool:
        """Tell whether everything stays in this process (``fake://``)."""
        return bool(self._url.transport == "fake")

    @property
    def blocking(self) -> bool:
        """Tell whether a listener may hold back its sender."""
        return not self.is_local

    @property
    def transport(self) -> Any:
        """Return the oslo.messaging transport in use now."""
        return self._link.transport

    @contextlib.contextmanager
    def hold(self) -> Iterator[Any]:
        """Keep the transport in use now open, though the bus be renewed, and return it."""
        with self._link.using() as link:
            yield link.transport

    @property
    def response_timeout(self) -> float:
        """Return ``rpc_response_timeout``: how long a call waits by default, in seconds."""
        return float(self._conf.rpc_response_timeout)

    def _prepare_rabbit(self, name: str, host: str | None) -> None:
        # The driver registers these itself; ours are only other defaults, nova.conf wins.
        from oslo_config import cfg
        from oslo_messaging._drivers import impl_rabbit

        defaults = rabbit_defaults()
        if _stable_names_are_safe():
            self._slot = slots.claim(name, host or os.uname().nodename)
            defaults |= {"processname": self._slot.name, "hostname": self._slot.host}
        else:
            defaults["use_queue_manager"] = False
        cfg.set_defaults(impl_rabbit.rabbit_opts, **defaults)

    def _connect(self) -> _Link:
        if self.is_local:
            driver = LocalDriver(self._conf, self._url, default_exchange=CONTROL_EXCHANGE)
            return _Link(oslo_messaging.transport.RPCTransport(driver), ready=True)
        return _Link(oslo_messaging.get_rpc_transport(self._conf, self._url), ready=False)

    def call(self, message: Outgoing, /) -> str:
        """Send a message and return the encoded reply; raises TimedOut or Unavailable."""
        timeout = self.response_timeout if message.timeout is None else message.timeout
        return str(self._call(message, timeout))

    def cast(self, message: Outgoing, /) -> None:
        """Send a message without waiting; raises Unavailable."""
        address = message.address
        with self._link.using() as link, _translated(address):
            link.client.prepare(**_target(message), retry=CAST_RETRIES).cast(
                {}, message.verb, payload=message.payload
            )

    def ping(self, topic: str, *, server: str | None = None, timeout: float = 5) -> Pong:
        """Ask a service whether it answers; ``timeout`` in seconds."""
        address = Address(topic=topic, server=server)
        message = Outgoing(address=address, verb=PING, version="1.0", payload="", timeout=timeout)
        return _PONG.decode(self._call(message, timeout))

    def _call(self, message: Outgoing, timeout: float) -> str:
        deadline = time.monotonic() + timeout
        with self._link.using() as link, _translated(message.address):
            if not link.wait_until_ready(timeout):
                raise errors.Unavailable("The message broker cannot be reached.")
            left = max(deadline - time.monotonic(), 0.001)
            prepared = link.client.prepare(**_target(message), timeout=left, retry=CALL_RETRIES)
            reply: str = prepared.call({}, message.verb, payload=message.payload)
            return reply

    def server(
        self, topic: str, host: str, endpoints: Sequence[Endpoint], *, threads: int = 64
    ) -> RpcServer:
        """Return a server, not yet started, of ``topic`` and of ``topic.host``."""
        dispatcher = Dispatcher(topic=topic, host=host, endpoints=endpoints, around=self._around)
        return RpcServer(self, topic=topic, host=host, dispatcher=dispatcher, threads=threads)

    def renew(self) -> None:
        """Go on over new connections and a new reply queue.

        The old ones are closed when no call waits for them and no server answers over them.
        """
        with self._lock:
            old, self._link = self._link, self._connect()
        threading.Thread(target=old.leave, name="bus-leaving", daemon=True).start()

    def close(self) -> None:
        """Release the connections; servers must have been stopped before."""
        self._link.leave(patience=0)
        if self._slot is not None:
            self._slot.release()


class _Link:
    """One transport with its client, and how many calls are using it."""

    def __init__(self, transport: Any, *, ready: bool) -> None:
        self.transport = transport
        self.client = oslo_messaging.get_rpc_client(
            transport,
            oslo_messaging.Target(topic="nova"),
            transport_options=oslo_messaging.TransportOptions(at_least_once=True),
        )
        self._ready = threading.Event()
        self._connecting = False
        self._users = 0
        self._changed = threading.Condition()
        if ready:
            self._ready.set()

    @contextlib.contextmanager
    def using(self) -> Iterator[_Link]:
        with self._changed:
            self._users += 1
        try:
            yield self
        finally:
            with self._changed:
                self._users -= 1
                self._changed.notify_all()

    def wait_until_ready(self, timeout: float) -> bool:
        """Wait for the reply queue; the driver would wait for the broker without end."""
        if self._ready.is_set():
            return True
        with self._changed:
            if not self._connecting:
                self._connecting = True
                threading.Thread(target=self._warm_up, name="bus-connect", daemon=True).start()
        return self._ready.wait(timeout)

    def _warm_up(self) -> None:
        # A call to nobody returns at once, after the driver has made its reply queue.
        nobody = self.client.prepare(topic=f"nobody-{uuid.uuid4()}", timeout=1, retry=CALL_RETRIES)
        try:
            with self.using():
                nobody.call({}, PING)
        except oslo_messaging.MessageUndeliverable:
            self._ready.set()
        # The boundary of this thread: whatever it was, the next call tries again.
        except Exception:
            LOG.exception("cannot connect to the message broker")
        finally:
            with self._changed:
                self._connecting = False

    def leave(self, patience: float | None = None) -> None:
        """Close the connections once nobody uses them, or after ``patience`` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: not self._users, timeout=patience)
        self.transport.cleanup()


def _target(message: Outgoing) -> dict[str, Any]:
    address = message.address
    return {
        "topic": address.topic,
        "server": address.server,
        "fanout": address.fanout or None,
        "version": message.version,
    }


@contextlib.contextmanager
def _translated(address: Address) -> Iterator[None]:
    where = f"{address.topic}.{address.server}" if address.server else address.topic
    try:
        yield
    except oslo_messaging.MessagingTimeout as error:
        raise errors.TimedOut(f"No answer from {where} came in time.", topic=where) from error
    except oslo_messaging.MessageUndeliverable as error:
        raise errors.Unavailable(f"Nobody serves {where}.", topic=where) from error
    except _BROKER_ERRORS as error:
        LOG.warning("cannot send to %s: %s", where, error)
        raise errors.Unavailable("The message broker cannot be reached.") from error


def _stable_names_are_safe() -> bool:
    # The driver numbers its queues per process group and reads the leader's start time.
    return Path(f"/proc/{os.getpgrp() or os.getpid()}/stat").exists()
