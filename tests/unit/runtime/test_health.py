from __future__ import annotations

import json
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from nova_clone.runtime import notify
from nova_clone.runtime.health import Health, HealthServer, Status
from nova_clone.runtime.metrics import Metrics


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(enabled=True)


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def server(health: Health, metrics: Metrics) -> Iterator[HealthServer]:
    server = HealthServer(health, listen="127.0.0.1", port=0, metrics=metrics.render)
    server.start()
    yield server
    server.stop()


def get(server: HealthServer, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_a_healthy_process(health: Health, server: HealthServer) -> None:
    health.add("rpc", lambda: Status(healthy=True, details={"age": 1.5}))

    status, body = get(server, "/healthcheck?detailed")

    assert status == 200
    assert json.loads(body) == {
        "healthy": True,
        "checks": {"rpc": {"healthy": True, "age": 1.5}},
    }


def test_one_ill_check_is_enough(health: Health, server: HealthServer) -> None:
    health.add("rpc", lambda: Status(healthy=True))
    health.add("store", lambda: Status(healthy=False))

    assert get(server, "/healthcheck")[0] == 503


def test_a_check_that_fails_is_ill(health: Health) -> None:
    health.add("broken", lambda: Status(healthy=bool(1 / 0)))

    assert health.report() == (
        False,
        {
            "healthy": False,
            "checks": {"broken": {"healthy": False, "error": "ZeroDivisionError"}},
        },
    )


def test_metrics_are_told(metrics: Metrics, server: HealthServer) -> None:
    metrics.count("builds_total", "Builds.", outcome="ok")
    metrics.count("builds_total", "Builds.", outcome="ok")
    metrics.set("age_seconds", "Age.", 3)
    with metrics.timed("call_seconds", "Calls.", verb="greet"):
        pass

    text = get(server, "/metrics")[1].decode()

    assert 'builds_total{outcome="ok"} 2.0' in text
    assert "age_seconds 3.0" in text
    assert 'call_seconds_count{verb="greet"} 1.0' in text


def test_nothing_else_is_told(server: HealthServer) -> None:
    assert get(server, "/")[0] == 404


def test_metrics_that_are_off_cost_nothing() -> None:
    metrics = Metrics(enabled=False)

    metrics.count("builds_total", "Builds.")

    assert metrics._made == {}


def test_the_service_manager_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        monkeypatch.setenv("NOTIFY_SOCKET", path)

        assert notify.send("READY=1", "STATUS=working") is True
        assert manager.recv(100) == b"READY=1\nSTATUS=working"


def test_nobody_to_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert notify.send("READY=1") is False
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    assert notify.send("READY=1") is False


def test_the_watchdog_wants_a_sign_twice_per_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "10000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    assert notify.watchdog_interval() == 5.0
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid() + 1))
    assert notify.watchdog_interval() is None
