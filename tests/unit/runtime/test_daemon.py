"""Daemons as real processes: what they do when they are started, signalled and killed."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from nova_clone.runtime import collector

SAMPLE = Path(__file__).parent / "sample_daemon.py"


class Daemon:
    def __init__(self, mode: str, directory: Path, lines: tuple[str, ...]) -> None:
        self.log = directory / "nova.log"
        configuration = directory / "nova.conf"
        configuration.write_text("\n".join(["[DEFAULT]", f"log_file = {self.log}", *lines]))
        self.configuration = configuration
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(SAMPLE), mode, "--config-file", configuration],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(SAMPLE.parents[3])},
        )

    @property
    def output(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def next(self, start: str) -> str:
        for line in self.output:
            if line.startswith(start):
                return line.strip()
        raise AssertionError(f"no line {start!r}; log: {self.log.read_text()}")

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self) -> tuple[int, list[str]]:
        output, _ = self.process.communicate(timeout=120)
        return self.process.returncode, output.split("\n")[:-1]

    def await_log(self, text: str) -> None:
        while text not in self.log.read_text():
            with contextlib.suppress(subprocess.TimeoutExpired):
                raise AssertionError(f"ended with {self.process.wait(0.05)} before {text!r}")


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    started: list[Daemon] = []

    def make(mode: str, *lines: str) -> Daemon:
        started.append(Daemon(mode, tmp_path, lines))
        return started[-1]

    yield make
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


def test_it_stops_in_reverse_order(daemon: Callable[..., Daemon]) -> None:
    one = daemon("plain", "host = h1", "hots = typo")
    assert one.next("ready").startswith("ready h1 ")

    one.signal(signal.SIGTERM)

    assert one.end() == (0, ["stop second", "stop first"])
    assert "unknown options in the configuration are ignored: DEFAULT.hots" in one.log.read_text()


def test_it_looks_for_garbage_less_often_once_it_works(daemon: Callable[..., Daemon]) -> None:
    one = daemon("collect")
    one.next("ready")
    # Its last part has started; the daemon itself has something left to do.
    one.await_log("is ready")

    one.signal(signal.SIGTERM)

    assert f"young {collector.YOUNG}, set aside: True" in one.end()[1]


def test_it_leads_a_process_group(daemon: Callable[..., Daemon]) -> None:
    one = daemon("plain")
    one.next("ready")

    assert os.getpgid(one.process.pid) == one.process.pid


def test_a_hang_up_reads_the_log_level_again(daemon: Callable[..., Daemon]) -> None:
    one = daemon("plain")
    one.next("ready")
    text = one.configuration.read_text()
    one.configuration.write_text(text + "\ndebug = true\n")

    one.signal(signal.SIGHUP)
    one.await_log("reads its configuration again")
    one.signal(signal.SIGTERM)

    assert one.end()[0] == 0
    assert "debug" in one.log.read_text()


def test_a_report_shows_threads_and_hides_secrets(
    daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    one = daemon(
        "plain",
        "transport_url = rabbit://nova:hunter2@h/",
        "[oslo_reports]",
        f"log_dir = {tmp_path}",
    )
    one.next("ready")

    one.signal(signal.SIGUSR2)
    one.await_log("a report was written to")
    one.signal(signal.SIGTERM)
    one.end()

    (report,) = tmp_path.glob("nova-sample_gurumeditation_*")
    assert "Threads" in report.read_text()
    assert "manager_shutdown_timeout" in report.read_text()
    assert "hunter2" not in report.read_text()


def test_a_failing_start_ends_it(daemon: Callable[..., Daemon]) -> None:
    one = daemon("fail-at-start")

    assert one.end()[0] == 1
    assert "cannot go on" in one.log.read_text()
    assert "hunter2" not in one.log.read_text()


def test_it_can_be_stopped_while_it_starts(daemon: Callable[..., Daemon]) -> None:
    one = daemon("hang-at-start")
    one.next("starting")

    one.signal(signal.SIGTERM)

    assert one.end() == (0, [])


def test_a_stop_has_a_limit(daemon: Callable[..., Daemon]) -> None:
    one = daemon("hang-at-stop", "manager_shutdown_timeout = 3")
    one.next("ready")

    one.signal(signal.SIGTERM)

    assert one.end() == (1, ["stop second"])
    assert "has not stopped within 3.0 s" in one.log.read_text()


def test_a_part_that_fails_to_stop_does_not_keep_the_others(
    daemon: Callable[..., Daemon],
) -> None:
    one = daemon("fail-at-stop")
    one.next("ready")

    one.signal(signal.SIGTERM)

    assert one.end() == (1, ["stop second", "stop first"])


def test_workers_are_started_again_and_stopped_together(daemon: Callable[..., Daemon]) -> None:
    one = daemon("fork", "host = h1", "[conductor]", "workers = 2")
    ready = sorted(one.next("ready").split() for _ in range(2))
    assert [(line[1], line[3]) for line in ready] == [("h1", "socket"), ("h1:1", "socket")]

    os.kill(int(ready[1][2]), signal.SIGKILL)
    again = one.next("ready").split()
    assert again[1] == "h1:1"
    assert again[2] != ready[1][2]
    one.signal(signal.SIGTERM)

    status, lines = one.end()
    assert status == 0
    assert sorted(lines) == ["stop first", "stop first", "stop second", "stop second"]


def test_workers_can_be_stopped_while_they_start(daemon: Callable[..., Daemon]) -> None:
    one = daemon("fork-hang-at-start", "[conductor]", "workers = 2")
    one.next("starting")

    one.signal(signal.SIGTERM)

    assert one.end()[0] == 0


def test_workers_do_not_outlive_their_parent(daemon: Callable[..., Daemon]) -> None:
    one = daemon("fork", "[conductor]", "workers = 2")
    for _ in range(2):
        one.next("ready")

    one.signal(signal.SIGKILL)

    assert sorted(one.end()[1]) == ["stop first", "stop first", "stop second", "stop second"]


def test_the_service_manager_hears_when_it_is_ready(
    daemon: Callable[..., Daemon], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(60)
        one = daemon("plain")

        assert manager.recv(100) == b"READY=1"
        one.signal(signal.SIGTERM)
        assert manager.recv(100) == b"STOPPING=1"
        one.end()
