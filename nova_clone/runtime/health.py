"""Whether a daemon can do its work, and the small HTTP server that tells."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Status:
    """The outcome of one check, with plain values that explain it."""

    healthy: bool
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)


Check = Callable[[], Status]


class Health:
    """The checks of one process, by name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._checks: dict[str, Check] = {}

    def add(self, name: str, check: Check) -> None:
        """Ask this check, too, whenever the health is asked for."""
        with self._lock:
            self._checks[name] = check

    def report(self) -> tuple[bool, dict[str, Any]]:
        """Return whether all checks are well, and what each says."""
        with self._lock:
            checks = dict(self._checks)
        found = {name: _ask(name, check) for name, check in checks.items()}
        healthy = all(status.healthy for status in found.values())
        return healthy, {
            "healthy": healthy,
            "checks": {
                name: {"healthy": status.healthy, **status.details}
                for name, status in sorted(found.items())
            },
        }


def _ask(name: str, check: Check) -> Status:
    try:
        return check()
    # A check that fails is itself a sign of ill health, whatever it raised.
    except Exception as error:
        LOG.exception("the health check %s failed", name)
        return Status(healthy=False, details={"error": type(error).__name__})


class HealthServer:
    """Answers ``/healthcheck`` (200 or 503, JSON) and, if there are any, ``/metrics``."""

    def __init__(
        self,
        health: Health,
        *,
        listen: str,
        port: int,
        metrics: Callable[[], bytes] | None = None,
    ) -> None:
        self._health = health
        self._address = (listen, port)
        self._metrics = metrics
        self._server: Any = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """Return the port that it listens at, once started."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Listen and answer in a thread."""
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                status, kind, body = answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                LOG.debug(format, *args)

        self._server = ThreadingHTTPServer(self._address, Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="health", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Close the port."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        if self._thread is not None:
            self._thread.join(5)

    def _answer(self, path: str) -> tuple[int, str, bytes]:
        path = path.partition("?")[0]
        if path == "/healthcheck":
            healthy, report = self._health.report()
            return 200 if healthy else 503, "application/json", json.dumps(report).encode()
        if path == "/metrics" and self._metrics is not None:
            return 200, "text/plain; version=0.0.4; charset=utf-8", self._metrics()
        return 404, "text/plain", b"Not Found\n"
