from __future__ import annotations

import contextlib
import dataclasses
import logging
import threading
from collections.abc import Callable

import pytest

from nova_clone.domain import errors
from nova_clone.rpc.contract import ContractError, Outgoing, proxy
from nova_clone.rpc.local import EXCHANGE
from nova_clone.rpc.transport import Bus
from tests.unit.rpc.conftest import Served
from tests.unit.rpc.sample import CONTEXT, Greet, GreeterContract, Greeting


def test_a_call_returns_the_typed_result(served: Served) -> None:
    greeting = served.proxy.greet(CONTEXT, Greet(name="Ann", times=2))

    assert greeting == Greeting(text="plain Ann", words=("hello", "hello"))


def test_a_verb_without_a_message(served: Served) -> None:
    assert served.proxy.count(CONTEXT) == 0


def test_a_cast_arrives_without_the_token(served: Served) -> None:
    served.proxy.remember(CONTEXT, Greet(name="Ann"))

    assert served.greeter.arrived.acquire(timeout=60)
    context, message = served.greeter.remembered[0]
    assert context == dataclasses.replace(CONTEXT, auth_token=None)
    assert message == Greet(name="Ann")


def test_any_server_of_the_topic_answers(bus: Bus, serve: Callable[..., Served]) -> None:
    first, second = serve("host1"), serve("host2")
    anyone = proxy(GreeterContract, bus)

    for _ in range(4):
        anyone.remember(CONTEXT, Greet(name="Ann"))

    assert all(first.greeter.arrived.acquire(timeout=60) for _ in range(2))
    assert all(second.greeter.arrived.acquire(timeout=60) for _ in range(2))


def test_a_fanout_reaches_every_server(bus: Bus, serve: Callable[..., Served]) -> None:
    first, second = serve("host1"), serve("host2")

    proxy(GreeterContract, bus, fanout=True).remember(CONTEXT, Greet(name="Ann"))

    assert first.greeter.arrived.acquire(timeout=60)
    assert second.greeter.arrived.acquire(timeout=60)


def test_a_call_cannot_fan_out(bus: Bus, served: Served) -> None:
    with pytest.raises(ContractError, match="count is a call"):
        proxy(GreeterContract, bus, fanout=True).count(CONTEXT)


def test_buses_of_one_process_meet(served: Served) -> None:
    other = Bus(served.bus.transport.conf, url="fake://")

    assert proxy(GreeterContract, other).count(CONTEXT) == 0


def test_a_named_error_crosses_with_its_subclass_and_details(served: Served) -> None:
    served.greeter.failure = errors.StaleGeneration("changed meanwhile", generation=7)

    with pytest.raises(errors.StaleGeneration, match="changed meanwhile") as caught:
        served.proxy.greet(CONTEXT, Greet(name="Ann"))
    assert caught.value.details == {"generation": 7}


@pytest.mark.parametrize(
    "kind", [errors.Unavailable, errors.TimedOut, errors.Invalid, errors.Obsolete]
)
def test_some_errors_always_cross(served: Served, kind: type[errors.NovaError]) -> None:
    served.greeter.failure = kind("why")

    with pytest.raises(kind, match="why"):
        served.proxy.greet(CONTEXT, Greet(name="Ann"))


@pytest.mark.parametrize(
    "failure", [errors.NotFound("a secret path"), ZeroDivisionError("a secret path")]
)
def test_any_other_error_becomes_neutral_and_is_logged(
    served: Served, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    served.greeter.failure = failure

    with caplog.at_level(logging.ERROR), pytest.raises(errors.NovaError) as caught:
        served.proxy.greet(CONTEXT, Greet(name="Ann"))

    assert type(caught.value) is errors.NovaError
    assert caught.value.message == "internal error"
    assert caught.value.details == {"request_id": "req-1"}
    assert "a secret path" in caplog.text
    assert "secret-token" not in caplog.text


def test_a_failing_cast_is_logged_and_the_server_goes_on(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    served.greeter.failure = ZeroDivisionError("broken")
    served.proxy.remember(CONTEXT, Greet(name="Ann"))
    assert served.greeter.arrived.acquire(timeout=60)

    assert served.proxy.count(CONTEXT) == 1
    assert served.server.wait() is True
    assert "greeter remember failed" in caplog.text


def test_nobody_there_is_unavailable(bus: Bus) -> None:
    with pytest.raises(errors.Unavailable, match=r"Nobody serves greeter\.elsewhere"):
        proxy(GreeterContract, bus, server="elsewhere").count(CONTEXT)
    with pytest.raises(errors.Unavailable, match="Nobody serves greeter"):
        proxy(GreeterContract, bus).remember(CONTEXT, Greet(name="Ann"))


def test_no_answer_in_time(served: Served) -> None:
    slow = proxy(GreeterContract, served.bus, timeouts={"wait": 0.05})

    with pytest.raises(errors.TimedOut, match="No answer from greeter"):
        slow.wait(CONTEXT)
    served.greeter.gate.set()


def test_a_cast_waits_for_a_server_that_is_away(served: Served) -> None:
    served.server.stop()
    served.server.wait()
    served.proxy.remember(CONTEXT, Greet(name="Ann"))

    served.server.start()

    assert served.greeter.arrived.acquire(timeout=60)


def test_a_service_tells_who_it_is(served: Served) -> None:
    pong = served.bus.ping("greeter", server="host1")

    assert (pong.service, pong.host, pong.version) == ("greeter", "host1", "1.1")
    assert pong.uptime >= 0


def test_the_ping_of_other_tools_is_answered(served: Served) -> None:
    import oslo_messaging

    target = oslo_messaging.Target(topic="greeter", namespace="baseapi", version="1.1")
    client = oslo_messaging.get_rpc_client(served.bus.transport, target)

    assert client.call({}, "ping", arg="x") == {"service": "greeter", "arg": "x"}


@pytest.mark.parametrize(("verb", "version"), [("vanished", "1.0"), ("count", "2.0")])
def test_what_the_server_does_not_know_is_not_supported(
    served: Served, verb: str, version: str
) -> None:
    message = Outgoing(
        address=served.proxy._address,  # type: ignore[attr-defined]
        verb=verb,
        version=version,
        payload='{"context":{"request_id":"req-1"}}',
    )

    assert '"kind":"NotSupported"' in served.bus.call(message)


def test_overload_refuses_calls(bus: Bus, serve: Callable[..., Served]) -> None:
    served = serve(threads=1)
    room = served.server._limit
    callers = [
        threading.Thread(target=_wait_or_be_refused, args=(served,), daemon=True)
        for _ in range(room)
    ]
    for caller in callers:
        caller.start()
    assert served.greeter.arrived.acquire(timeout=60)
    pinged: list[object] = []
    filled = threading.Thread(target=lambda: pinged.append(_until_busy(bus)), daemon=True)
    filled.start()
    filled.join(60)
    served.greeter.gate.set()
    for caller in callers:
        caller.join(60)

    assert pinged == [True]


def _wait_or_be_refused(served: Served) -> None:
    with contextlib.suppress(errors.Unavailable):
        served.proxy.wait(CONTEXT)


def _until_busy(bus: Bus) -> bool:
    impatient = proxy(GreeterContract, bus, timeouts={"count": 0.01})
    while True:
        try:
            impatient.count(CONTEXT)
        except errors.TimedOut:
            continue
        except errors.Unavailable:
            return True


def test_a_restart_goes_on_serving(served: Served) -> None:
    served.bus.renew()
    served.server.restart()

    assert served.proxy.count(CONTEXT) == 0


def test_a_deleted_queue_is_noticed_and_made_again(served: Served) -> None:
    EXCHANGE.delete("greeter.host1")
    with pytest.raises(errors.Unavailable):
        served.proxy.count(CONTEXT)

    served.server.restart()

    assert served.proxy.count(CONTEXT) == 0
