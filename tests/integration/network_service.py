"""The network service with its agent as a process, and a metadata service that tells what it got.

Run inside a throw-away network namespace with arguments STATE_PATH RUN_PATH [option=value],
or STATE_PATH RUN_PATH teardown.
"""

from __future__ import annotations

import http.server
import json
import logging
import signal
import sys
import threading
from pathlib import Path

from nova_clone.standalone.app import StandaloneSettings
from nova_clone.standalone.documents import DocumentStore
from nova_clone.standalone.network import build_network
from nova_clone.standalone.network.wiring.agent import teardown_all
from nova_clone.standalone.serving import Server
from tests.unit.standalone.network.cloud import KnownTokens


class Mirror(http.server.BaseHTTPRequestHandler):
    """Answers with the path and the headers of the request."""

    def do_GET(self) -> None:
        body = json.dumps({"path": self.path, "headers": dict(self.headers)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    state_path, run_path, *rest = sys.argv[1:]
    if rest == ["teardown"]:
        teardown_all(Path(run_path))
        return
    options = dict(item.split("=", 1) for item in rest)
    settings = StandaloneSettings(
        state_path=Path(state_path),
        metadata_secret="shared",
        network={"run_path": run_path, **options},
    )
    store = DocumentStore(settings.state_path / "network.sqlite")
    app, agent = build_network(settings, store, KnownTokens())
    metadata = http.server.ThreadingHTTPServer(("127.0.0.1", 8775), Mirror)
    threading.Thread(target=metadata.serve_forever, daemon=True).start()
    server = Server(app, host="127.0.0.1", port=9696, threads=4, max_body=1024 * 1024)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    agent.start()
    server.start()
    # A signal that another thread was given is noticed only when this one runs.
    while not stop.wait(0.5):
        pass
    server.stop()
    agent.stop()
    metadata.shutdown()
    store.close()


if __name__ == "__main__":
    main()
