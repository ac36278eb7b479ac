"""The life of a daemon, from its command line to its last breath."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Protocol

from nova_clone.runtime import collector, concurrency, notify, signals
from nova_clone.runtime.health import Health, HealthServer, Status
from nova_clone.runtime.metrics import Metrics
from nova_clone.runtime.timer import Every

LOG = logging.getLogger(__name__)

#: Seconds beyond the shutdown time that a parent grants its workers.
GRACE = 5.0
#: The event that a service has started; no signal has this number.
_STARTED = 0


class Service(Protocol):
    """What a daemon is made of."""

    def start(self) -> None:
        """Begin; returns when it works."""
        ...

    def stop(self) -> None:
        """End; returns when nothing is left to do."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Process:
    """What the builder of a daemon's services is given.

    ``conf`` is the parsed configuration, from which it makes frozen settings;
    ``worker`` counts the processes of this daemon from 0; ``shared`` is what
    `prepare` returned before they were forked. ``request_stop`` ends the process.
    """

    name: str
    version: str
    host: str
    conf: Any
    health: Health
    metrics: Metrics
    request_stop: Callable[[], None]
    worker: int = 0
    shared: Any = None

    @property
    def server_name(self) -> str:
        """Return the name of this process as an RPC server: the host, or host and worker."""
        return f"{self.host}:{self.worker}" if self.worker else self.host


Build = Callable[[Process], Sequence[Service]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Forking:
    """How a daemon runs in several processes.

    ``count`` tells from the configuration how many; with 0 or 1 nothing is
    forked. ``prepare`` runs before: it opens the sockets that all of them share, and
    imports what all of them need, which then is in memory only once.
    """

    count: Callable[[Any], int]
    prepare: Callable[[Any], Any] | None = None


def run(
    name: str,
    build: Build,
    *,
    options: Sequence[str] = (),
    forking: Forking | None = None,
    argv: Sequence[str] | None = None,
) -> int:
    """Run a daemon until it is told to stop and return its exit status.

    ``options`` names what `nova_clone.conf` registers for it. ``build`` and
    what it needs should be imported inside it: the concurrency backend is
    chosen before it is called.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    concurrency.init(concurrency.configured(name, arguments))
    from nova_clone.runtime import logging as runtime_logging
    from nova_clone.runtime import settings

    _lead_a_process_group()
    version = product_version()
    conf = settings.load(name, arguments, options=options, version=version)
    runtime_logging.setup(conf, version)
    settings.warn_about_unknown(conf)
    process = settings.ProcessSettings.from_conf(conf)
    life = _Life(name, version, conf, process, build)
    workers = forking.count(conf) if forking is not None else 1
    shared = forking.prepare(conf) if forking is not None and forking.prepare is not None else None
    if workers <= 1:
        return life.live(0, lambda: notify.send("READY=1"), shared)
    return life.supervise(workers, shared)


def launch(
    name: str,
    build: Build,
    *,
    options: Sequence[str] = (),
    forking: Forking | None = None,
    argv: Sequence[str] | None = None,
) -> NoReturn:
    """Run a daemon and end the process with its exit status: what console scripts call.

    Threads that are still busy after the services have stopped do not delay the end.
    """
    status = run(name, build, options=options, forking=forking, argv=argv)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def product_version() -> str:
    """Return the version of this software."""
    return importlib.metadata.version("nova_clone")


def _lead_a_process_group() -> None:
    # Queue names are numbered per process group, so each daemon needs its own. A person
    # at a terminal keeps the group: Ctrl-C goes to it.
    if os.getpgrp() != os.getpid() and not (sys.stdin and sys.stdin.isatty()):
        with contextlib.suppress(PermissionError):
            os.setpgid(0, 0)


class _Life:
    """One daemon between its configuration and its end."""

    def __init__(self, name: str, version: str, conf: Any, settings: Any, build: Build) -> None:
        self._name = name
        self._version = version
        self._conf = conf
        self._settings = settings
        self._build = build

    def supervise(self, workers: int, shared: Any) -> int:
        """Fork workers and keep them alive."""
        from nova_clone.runtime.prefork import Supervisor

        LOG.info("%s %s starts %s workers", self._name, self._version, workers)
        supervisor = Supervisor(
            workers,
            lambda number, ready: self._work(number, ready, shared),
            patience=self._settings.shutdown_timeout + GRACE,
            on_reload=self._reload,
        )
        return supervisor.run()

    def _work(self, number: int, ready: Callable[[], None], shared: Any) -> int:
        concurrency.after_fork()
        return self.live(number, ready, shared)

    def live(self, number: int, ready: Callable[[], object], shared: Any) -> int:
        """Start the services, wait for the signal to stop, stop them in reverse order."""
        mailbox = signals.Mailbox()
        mailbox.open()
        process = Process(
            name=self._name,
            version=self._version,
            host=self._settings.host,
            conf=self._conf,
            health=Health(),
            metrics=Metrics(enabled=self._settings.metrics),
            request_stop=lambda: os.kill(os.getpid(), signal.SIGTERM),
            worker=number,
            shared=shared,
        )
        ready_to_work = threading.Event()
        process.health.add("started", lambda: Status(healthy=ready_to_work.is_set()))
        started: list[Service] = []
        status = 0
        try:
            services = [*self._own_services(process), *self._build(process)]
            # Until it works there is nothing to end in good order: a signal just ends it.
            for service in services:
                _start(service, mailbox)
                started.append(service)
            collector.settle()
            ready_to_work.set()
            LOG.info("%s %s is ready (worker %s)", self._name, self._version, number)
            ready()
            self._wait(mailbox)
        except _Stopped:
            LOG.info("%s was told to stop before it was ready", self._name)
        # The boundary of the process: why a daemon ended belongs in its log.
        except Exception:
            LOG.exception("%s cannot go on", self._name)
            status = 1
        notify.send("STOPPING=1")
        return self._stop(started) or status

    def _own_services(self, process: Process) -> list[Service]:
        services: list[Service] = []
        if self._settings.health_port is not None:
            metrics = process.metrics.render if process.metrics.enabled else None
            services.append(
                HealthServer(
                    process.health,
                    listen=self._settings.health_listen,
                    port=self._settings.health_port + process.worker,
                    metrics=metrics,
                )
            )
        interval = notify.watchdog_interval()
        if interval is not None:
            services.append(Every(interval, lambda: _sign_of_life(process.health), jitter=0))
        return services

    def _wait(self, mailbox: signals.Mailbox) -> None:
        while not mailbox.stop_requested:
            event = mailbox.wait()
            if event == signals.RELOAD:
                self._reload()
            elif event == signals.REPORT:
                self._report()

    def _reload(self) -> None:
        LOG.info("%s reads its configuration again", self._name)
        try:
            self._conf.mutate_config_files()
        # A broken file must not end a daemon that works with the old one.
        except Exception:
            LOG.exception("the configuration cannot be read; it stays as it was")

    def _report(self) -> None:
        from nova_clone.runtime import reports

        try:
            path = reports.write(self._name, self._version, self._conf)
        except OSError:
            LOG.exception("the report cannot be written")
        else:
            LOG.info("a report was written to %s", path or "standard error")

    def _stop(self, started: list[Service]) -> int:
        limit = self._settings.shutdown_timeout
        LOG.info("%s stops and has %s s for it", self._name, limit)
        late = threading.Timer(limit, _give_up, args=(self._name, limit))
        late.daemon = True
        late.start()
        status = 0
        for service in reversed(started):
            try:
                service.stop()
            # The others must be stopped though this one failed.
            except Exception:
                LOG.exception("%s does not stop in good order", type(service).__name__)
                status = 1
        late.cancel()
        LOG.info("%s has stopped", self._name)
        return status


class _Stopped(Exception):
    """The signal to stop came before the daemon was ready."""


def _start(service: Service, mailbox: signals.Mailbox) -> None:
    # A start may wait for a broker without end; in a thread it cannot keep us from stopping.
    failure: list[BaseException] = []

    def begin() -> None:
        try:
            service.start()
        except BaseException as error:  # noqa: BLE001 - raised again by the main thread
            failure.append(error)
        mailbox.post(_STARTED)

    thread = threading.Thread(target=begin, name=f"start-{type(service).__name__}", daemon=True)
    thread.start()
    later: list[int] = []
    while (event := mailbox.wait()) != _STARTED:
        if mailbox.stop_requested:
            raise _Stopped
        later += [event] if event is not None else []
    for event in later:
        mailbox.post(event)
    if failure:
        raise failure[0]


def _give_up(name: str, limit: float) -> None:
    LOG.error("%s has not stopped within %s s", name, limit)
    logging.shutdown()
    os._exit(1)


def _sign_of_life(health: Health) -> None:
    healthy, _ = health.report()
    if healthy:
        notify.send("WATCHDOG=1")
