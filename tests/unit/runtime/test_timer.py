from __future__ import annotations

import threading

import pytest

from nova_clone.runtime.clock import SystemClock
from nova_clone.runtime.timer import Every


def test_it_calls_again_and_again_although_a_call_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls = threading.Semaphore(0)

    def work() -> None:
        calls.release()
        raise ZeroDivisionError

    timer = Every(0.001, work, name="work")
    timer.start()

    assert all(calls.acquire(timeout=60) for _ in range(3))
    timer.stop()
    assert "work failed" in caplog.text


def test_it_can_be_hurried() -> None:
    called = threading.Event()
    timer = Every(3600, called.set)
    timer.start()

    timer.now()

    assert called.wait(60)
    timer.stop()


def test_the_first_call_may_come_early() -> None:
    called = threading.Event()
    timer = Every(3600, called.set, delay=0)
    timer.start()

    assert called.wait(60)
    timer.stop()


def test_an_interval_of_zero_means_never() -> None:
    timer = Every(0, lambda: None, name="never")

    timer.start()

    # Threads of other tests may end meanwhile.
    assert "never" not in {thread.name for thread in threading.enumerate()}
    timer.stop()


def test_it_may_stop_itself() -> None:
    stopped = threading.Event()

    def work() -> None:
        timer.stop()
        stopped.set()

    timer = Every(0.001, work)
    timer.start()

    assert stopped.wait(60)


def test_the_system_clock_knows_its_zone() -> None:
    clock = SystemClock()

    assert clock.now().utcoffset() is not None
    assert clock.monotonic() <= clock.monotonic()
