"""One WSGI app on one address, served by threads of this process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import waitress
from waitress import wasyncore

#: Seconds that a stopping server waits for the requests under way.
_PATIENCE = 5


class Server:
    """A waitress server that starts and stops; its address is bound when it is made."""

    def __init__(
        self,
        app: Callable[..., Any],
        *,
        host: str,
        port: int,
        threads: int,
        max_body: int,
    ) -> None:
        self._server = waitress.create_server(
            app,
            host=host,
            port=port,
            threads=threads,
            max_request_body_size=max_body,
            connection_limit=500,
            asyncore_loop_timeout=10,
            ident=None,
            clear_untrusted_proxy_headers=True,
        )
        self._thread = threading.Thread(
            target=self._server.run, name=f"http-{self.port}", daemon=True
        )

    @property
    def port(self) -> int:
        """Return the port that is listened on, also when port 0 was asked for."""
        return int(self._server.effective_port)

    def start(self) -> None:
        """Answer requests from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Let the requests under way end, then close every connection."""
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=_PATIENCE)
        if self._thread.is_alive():
            # Sockets are closed in the thread that polls them, and the pipe that wakes it
            # not before it was written to.
            woken = threading.Event()

            def close() -> None:
                woken.wait()
                self._close()

            self._server.trigger.pull_trigger(close)
            woken.set()
            self._thread.join()
        else:
            self._close()

    def _close(self) -> None:
        wasyncore.close_all(self._server._map)  # noqa: SLF001
