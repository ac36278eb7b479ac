from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from oslo_config import cfg

from nova_clone.runtime import concurrency, settings


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    yield
    cfg.CONF.reset()


def write(tmp_path: Path, *lines: str) -> str:
    path = tmp_path / "nova.conf"
    path.write_text("\n".join(lines))
    return str(path)


def load(*argv: str, options: tuple[str, ...] = ("scheduler",)) -> cfg.ConfigOpts:
    found: cfg.ConfigOpts = settings.load("nova-test", argv, options=options, version="1")
    return found


def test_a_file_named_on_the_command_line(tmp_path: Path) -> None:
    conf = load("--config-file", write(tmp_path, "[scheduler]", "max_attempts = 7"))

    assert conf.scheduler.max_attempts == 7


def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_SCHEDULER__MAX_ATTEMPTS", "9")

    conf = load("--config-file", write(tmp_path, "[scheduler]", "max_attempts = 7"))

    assert conf.scheduler.max_attempts == 9


def test_a_directory_of_files(tmp_path: Path) -> None:
    write(tmp_path, "[DEFAULT]", "host = named", "[health]", "port = 1234")

    process = settings.ProcessSettings.from_conf(load("--config-dir", str(tmp_path)))

    assert (process.host, process.health_port, process.shutdown_timeout) == ("named", 1234, 160.0)


def test_locks_between_processes_have_a_place(tmp_path: Path) -> None:
    assert load("--config-file", write(tmp_path)).oslo_concurrency.lock_path


def test_options_that_nobody_knows_are_listed(tmp_path: Path) -> None:
    conf = load(
        "--config-file",
        write(
            tmp_path,
            "[DEFAULT]",
            "transport_url = fake://",
            "log-file =",
            "hots = typo",
            "[scheduler]",
            "max_atempts = 3",
            "[libvirt]",
            "virt_type = qemu",
            "[oslo_messaging_rabbit]",
            "anything = x",
            "[nowhere]",
            "a = b",
        ),
    )

    assert settings.unknown_options(conf) == [
        "DEFAULT.hots",
        "nowhere.a",
        "scheduler.max_atempts",
    ]


def test_unknown_options_are_warned_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings.warn_about_unknown(load("--config-file", write(tmp_path, "[DEFAULT]", "hots = typo")))

    assert "DEFAULT.hots" in caplog.text


def test_the_backend_is_read_from_the_named_files(tmp_path: Path) -> None:
    path = write(tmp_path, "[DEFAULT]", "concurrency_backend = eventlet")

    assert concurrency.configured("nova-test", ["--config-file", path]) == "eventlet"
    assert concurrency.configured("nova-test", [f"--config-file={path}"]) == "eventlet"
    assert concurrency.configured("nova-test", ["--config-dir", str(tmp_path)]) == "eventlet"


def test_the_backend_is_auto_unless_said() -> None:
    assert concurrency.configured("nova-test-none", ["--config-file", "/nonexistent"]) == "auto"


def test_the_environment_chooses_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(concurrency.ENVIRONMENT, "eventlet")

    assert concurrency.choose("threading") == "eventlet"


def test_a_backend_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(concurrency.ENVIRONMENT, raising=False)

    assert concurrency.choose("auto") == concurrency.DEFAULT
    with pytest.raises(ValueError, match="gevent"):
        concurrency.choose("gevent")


def test_a_backend_is_chosen_once(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = concurrency.current()
    assert chosen is not None
    other = "threading" if chosen == "eventlet" else "eventlet"
    monkeypatch.setenv(concurrency.ENVIRONMENT, other)

    with pytest.raises(concurrency.AlreadyChosen):
        concurrency.init()
