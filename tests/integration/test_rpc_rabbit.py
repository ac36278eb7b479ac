"""RPC over a real RabbitMQ that is restarted and loses queues.

``NOVA_CLONE_TEST_RABBIT_URL`` is the broker's transport URL and
``NOVA_CLONE_TEST_RABBIT_CTL`` the ``rabbitmqctl`` that talks to its node.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from oslo_concurrency import lockutils
from oslo_config import cfg

from nova_clone.domain import errors
from nova_clone.rpc.contract import endpoint, proxy
from nova_clone.rpc.echo import Echo
from nova_clone.rpc.server import RpcServer
from nova_clone.rpc.transport import Bus
from tests.unit.rpc.sample import CONTEXT, Greet, Greeter, GreeterContract, Greeting

pytestmark = pytest.mark.integration

#: How long, in seconds, the bus may take to mend itself.
HEALED = 120


def environment(name: str) -> str:
    value = os.environ.get(name)
    assert value, f"{name} must name the broker to test with"
    return value


def rabbitmqctl(*words: str) -> str:
    done = subprocess.run(
        [environment("NOVA_CLONE_TEST_RABBIT_CTL"), "--quiet", *words],
        check=True,
        capture_output=True,
        text=True,
        timeout=HEALED,
    )
    return done.stdout


def queues() -> dict[str, str]:
    lines = rabbitmqctl("list_queues", "name", "type", "--no-table-headers").splitlines()
    return dict(line.split("\t") for line in lines)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Peers:
    """A server and a client, each with its own connections."""

    bus: Bus
    client: Bus
    server: RpcServer
    greeter: Greeter
    host: str

    @property
    def proxy(self) -> GreeterContract:
        return proxy(GreeterContract, self.client, server=self.host)

    def eventually(self, action: Callable[[], object]) -> object:
        """Return what the action returns once it works, within the time to heal."""
        deadline = time.monotonic() + HEALED
        pause = threading.Event()
        while True:
            try:
                return action()
            except errors.Unavailable:
                if time.monotonic() > deadline:
                    raise
                pause.wait(0.5)


@pytest.fixture
def peers(tmp_path: Path) -> Iterator[Peers]:
    cfg.CONF([], default_config_files=[], default_config_dirs=[])
    lockutils.set_defaults(str(tmp_path))
    url = environment("NOVA_CLONE_TEST_RABBIT_URL")
    host = f"host-{uuid.uuid4().hex[:8]}"
    bus = Bus(cfg.CONF, name="nova-server", host=host, url=url)
    client = Bus(cfg.CONF, name="nova-client", host=host, url=url)
    greeter = Greeter()
    server = bus.server("greeter", host, [endpoint(GreeterContract, greeter)], threads=4)
    server.start()
    # Connections and queues are there before short limits count.
    proxy(GreeterContract, client, server=host, timeouts={"count": HEALED}).count(CONTEXT)
    yield Peers(bus=bus, client=client, server=server, greeter=greeter, host=host)
    greeter.gate.set()
    server.stop()
    server.wait()
    client.close()
    bus.close()
    for name in queues():
        if host in name:
            rabbitmqctl("delete_queue", name)


@pytest.fixture
def echo(peers: Peers) -> Iterator[Echo]:
    echo = Echo(peers.bus, peers.server, interval=2, timeout=2, failures=2)
    echo.start()
    yield echo
    echo.stop()


def test_calls_and_casts(peers: Peers) -> None:
    greeting = peers.proxy.greet(CONTEXT, Greet(name="Ann", times=3))
    peers.proxy.remember(CONTEXT, Greet(name="Bob"))

    assert greeting == Greeting(text="plain Ann", words=("hello",) * 3)
    assert peers.greeter.arrived.acquire(timeout=60)
    assert peers.client.ping("greeter", server=peers.host).host == peers.host


def test_a_large_message_arrives_whole(peers: Peers) -> None:
    name = 'a"\\\u20ac' * 250_000

    assert peers.proxy.greet(CONTEXT, Greet(name=name)).text == f"plain {name}"


def test_queues_are_replicated_and_named_after_their_process(peers: Peers) -> None:
    peers.proxy.count(CONTEXT)

    found = queues()
    assert found[f"greeter.{peers.host}"] == "quorum"
    replies = [name for name in found if name.startswith(f"reply_{peers.host}:nova-client:")]
    assert [found[name] for name in replies] == ["quorum"]


def test_nobody_there_is_noticed_at_once(peers: Peers) -> None:
    with pytest.raises(errors.Unavailable, match="Nobody serves"):
        proxy(GreeterContract, peers.client, server="nowhere").count(CONTEXT)
    with pytest.raises(errors.Unavailable, match="Nobody serves"):
        proxy(GreeterContract, peers.client, server="nowhere").remember(CONTEXT, Greet(name="Ann"))


def test_a_cast_waits_for_a_server_that_is_away(peers: Peers) -> None:
    peers.server.stop()
    peers.server.wait()
    peers.proxy.remember(CONTEXT, Greet(name="Ann"))

    peers.server.start()

    assert peers.greeter.arrived.acquire(timeout=60)


def test_a_deleted_server_queue_is_made_again(peers: Peers, echo: Echo) -> None:
    peers.proxy.count(CONTEXT)
    rabbitmqctl("delete_queue", f"greeter.{peers.host}")

    assert peers.eventually(lambda: peers.proxy.count(CONTEXT)) == 0


def test_a_deleted_reply_queue_is_made_again(peers: Peers) -> None:
    peers.proxy.count(CONTEXT)
    (reply,) = [name for name in queues() if name.startswith(f"reply_{peers.host}:nova-client")]
    rabbitmqctl("delete_queue", reply)

    assert peers.eventually(lambda: peers.proxy.count(CONTEXT)) == 0


def test_a_restarted_broker_is_found_again(peers: Peers, echo: Echo) -> None:
    waiting: list[BaseException | None] = []
    caller = threading.Thread(target=lambda: waiting.append(outcome(peers)), daemon=True)
    caller.start()
    assert peers.greeter.arrived.acquire(timeout=60)
    rabbitmqctl("stop_app")
    with pytest.raises(errors.Unavailable):
        proxy(GreeterContract, peers.client, server=peers.host, timeouts={"count": 2}).count(
            CONTEXT
        )
    rabbitmqctl("start_app")

    assert peers.eventually(lambda: peers.proxy.count(CONTEXT)) == 0
    peers.greeter.gate.set()
    caller.join(60 + HEALED)
    assert len(waiting) == 1, "the caller that waited meanwhile must get an answer or an error"
    assert waiting[0] is None or isinstance(waiting[0], errors.TimedOut)


def outcome(peers: Peers) -> BaseException | None:
    try:
        proxy(GreeterContract, peers.client, server=peers.host, timeouts={"wait": 60}).wait(CONTEXT)
    except errors.NovaError as error:
        return error
    return None


def test_a_cast_survives_a_short_absence_of_the_broker(peers: Peers, echo: Echo) -> None:
    peers.proxy.count(CONTEXT)
    rabbitmqctl("stop_app")
    back = threading.Timer(3, rabbitmqctl, args=("start_app",))
    back.start()

    peers.eventually(lambda: peers.proxy.remember(CONTEXT, Greet(name="Ann")))
    back.join()

    assert peers.greeter.arrived.acquire(timeout=HEALED)


def test_a_broker_that_is_not_there_is_unavailable() -> None:
    cfg.CONF([], default_config_files=[], default_config_dirs=[])
    bus = Bus(cfg.CONF, name="nova-lost", url="rabbit://guest:guest@127.0.0.1:1/")
    lost = proxy(GreeterContract, bus, timeouts={"count": 1})

    with pytest.raises(errors.Unavailable):
        lost.count(CONTEXT)


def test_the_echo_goes_through_the_broker(peers: Peers) -> None:
    assert Echo(peers.bus, peers.server, timeout=HEALED).check() is True

    peers.server.stop()
    assert Echo(peers.bus, peers.server, timeout=2).check() is False
