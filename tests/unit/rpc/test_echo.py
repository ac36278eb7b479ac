from __future__ import annotations

import threading

from nova_clone.rpc.echo import Echo
from nova_clone.rpc.local import EXCHANGE
from tests.unit.rpc.conftest import Served


def test_an_answer_keeps_the_age_low(served: Served) -> None:
    echo = Echo(served.bus, served.server)

    assert echo.check() is True
    assert echo.reachable
    assert echo.age < 60


def test_a_lost_queue_is_told_and_mended(served: Served) -> None:
    told: list[bool] = []
    echo = Echo(served.bus, served.server, failures=2, timeout=30, on_change=told.append)
    EXCHANGE.delete("greeter.host1")

    assert [echo.check() for _ in range(3)] == [False, False, True]

    assert told == [False, True]
    assert echo.reachable


def test_it_pings_by_itself_until_stopped(served: Served) -> None:
    mended = threading.Event()
    EXCHANGE.delete("greeter.host1")
    echo = Echo(
        served.bus,
        served.server,
        interval=0.01,
        failures=1,
        on_change=lambda reachable: mended.set() if reachable else None,
    )
    echo.start()

    assert mended.wait(60)
    echo.stop()
