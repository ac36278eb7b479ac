"""The metadata proxy: one listening socket per network namespace, one place that answers.

A request's network is known by the socket it came to and its port by the source
address, which the ports' filter guarantees. What the guest itself claims to be
is dropped.
"""

from __future__ import annotations

import concurrent.futures
import ctypes
import hashlib
import hmac
import http.client
import http.server
import logging
import os
import selectors
import socket
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nova_clone.standalone.network.records import Port
from nova_clone.standalone.network.wiring.plan import METADATA_ADDRESS

_LOG = logging.getLogger(__name__)

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_PORT = 80
_THREADS = 8
#: Seconds that a guest or the metadata service may be silent.
_PATIENCE = 30
_MAX_BODY = 64 * 1024
_MAX_WAITING = 256

#: Given network id and address, the guest's port.
FindPort = Callable[[str, str], Port | None]

#: Headers that only a proxy may set; compared with ``_`` read as ``-``, as WSGI does.
_CLAIMS = ("x-forwarded", "x-instance-id", "x-tenant-id", "x-metadata-provider", "x-real-ip")
_HOP_BY_HOP = (
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "host",
    "expect",
)


def listen_inside(namespace: Path, address: tuple[str, int]) -> socket.socket:
    """Return a socket that listens in another network namespace.

    Only the calling thread is there, and nothing in between gives up control, so
    that also green threads of one system thread never see it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open("rb") as home, namespace.open("rb") as there:
        if libc.setns(there.fileno(), _NEW_NETWORK):
            raise OSError(ctypes.get_errno(), f"{namespace}: {os.strerror(ctypes.get_errno())}")
        try:
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(address)
                listener.listen(_MAX_WAITING)
            except OSError:
                listener.close()
                raise
        finally:
            if libc.setns(home.fileno(), _NEW_NETWORK):
                # Going on in a tenant's namespace would be worse than dying.
                os.abort()
    return listener


class MetadataProxy:
    """Answers guests of every network with what the metadata service says."""

    def __init__(self, url: str, *, secret: str, find_port: FindPort) -> None:
        parts = urllib.parse.urlsplit(url)
        self.target = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.secret = secret.encode()
        self.find_port = find_port
        self._lock = threading.Lock()
        self._listeners: dict[str, tuple[int, socket.socket]] = {}
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._workers = concurrent.futures.ThreadPoolExecutor(_THREADS, "metadata")
        self._slots = threading.BoundedSemaphore(_MAX_WAITING)
        self._stopping = False
        self._thread = threading.Thread(target=self._accept, name="metadata", daemon=True)

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and close every socket."""
        self._stopping = True
        os.write(self._wake_write, b"x")
        if self._thread.is_alive():
            self._thread.join()
        self._workers.shutdown(cancel_futures=True)
        for network in list(self._listeners):
            self.forget(network)
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def serve(self, network_id: str, namespace: Path) -> None:
        """Listen for the guests of a network in its namespace, once per namespace."""
        inode = namespace.stat().st_ino
        with self._lock:
            present = self._listeners.get(network_id)
        if present is not None and present[0] == inode:
            return
        self.forget(network_id)
        listener = listen_inside(namespace, (METADATA_ADDRESS, _PORT))
        listener.settimeout(0)
        with self._lock:
            self._listeners[network_id] = (inode, listener)
            self._selector.register(listener, selectors.EVENT_READ, network_id)
        os.write(self._wake_write, b"x")

    def forget(self, network_id: str) -> None:
        """Stop listening for the guests of a network."""
        with self._lock:
            present = self._listeners.pop(network_id, None)
            if present is not None:
                self._selector.unregister(present[1])
        if present is not None:
            present[1].close()

    def networks(self) -> set[str]:
        """Return the networks that are listened for."""
        with self._lock:
            return set(self._listeners)

    def _accept(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select():
                if key.data is None:
                    os.read(self._wake_read, 4096)
                else:
                    self._accept_one(key.fileobj, key.data)

    def _accept_one(self, listener: Any, network_id: str) -> None:
        try:
            connection, peer = listener.accept()
        except OSError:
            # The guest gave up, or the listener is just being closed.
            return
        if not self._slots.acquire(blocking=False):
            connection.close()
            return
        try:
            self._workers.submit(self._answer, connection, peer, network_id)
        except RuntimeError:
            self._slots.release()
            connection.close()

    def _answer(self, connection: socket.socket, peer: tuple[str, int], network_id: str) -> None:
        try:
            connection.settimeout(_PATIENCE)
            _Request(connection, peer, self, network_id)
        except OSError as error:
            _LOG.debug("metadata request of %s: %s", peer[0], error)
        finally:
            connection.close()
            self._slots.release()


class _Request(http.server.BaseHTTPRequestHandler):
    """One request of a guest; HTTP/1.0, so the connection ends with the answer."""

    protocol_version = "HTTP/1.0"
    timeout = _PATIENCE

    def __init__(
        self,
        connection: socket.socket,
        peer: tuple[str, int],
        proxy: MetadataProxy,
        network_id: str,
    ) -> None:
        self._proxy = proxy
        self._network_id = network_id
        super().__init__(connection, peer, None)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Forward a GET."""
        self._forward()

    def do_POST(self) -> None:
        """Forward a POST, by which a guest leaves its password."""
        self._forward()

    def do_PUT(self) -> None:
        """Forward a PUT, by which some clients ask for a session token."""
        self._forward()

    def do_HEAD(self) -> None:
        """Forward a HEAD."""
        self._forward()

    def version_string(self) -> str:
        """Return nothing that tells guests about the host."""
        return "metadata"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log a request as a detail."""
        _LOG.debug("%s %s", self.client_address[0], format % args)

    def _forward(self) -> None:
        port = self._proxy.find_port(self._network_id, self.client_address[0])
        if port is None or not port.device_id:
            self.send_error(404)
            return
        length = self._length()
        if length is None:
            self.send_error(413)
            return
        body = self.rfile.read(length) if length else None
        headers = {
            **self._kept_headers(),
            **proof(port, self.client_address[0], self._proxy.secret),
        }
        link = http.client.HTTPConnection(*self._proxy.target, timeout=_PATIENCE)
        try:
            link.request(self.command, self.path, body=body, headers=headers)
            answer = link.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            _LOG.warning("The metadata service does not answer: %s", error)
            self.send_error(502)
            return
        finally:
            link.close()
        self._reply(answer, content)

    def _reply(self, answer: http.client.HTTPResponse, content: bytes) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in (*_HOP_BY_HOP, "server", "date"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _length(self) -> int | None:
        text = self.headers.get("Content-Length") or "0"
        if not text.isdecimal() or int(text) > _MAX_BODY or self.headers.get("Transfer-Encoding"):
            return None
        return int(text)

    def _kept_headers(self) -> Mapping[str, str]:
        return {
            name: value
            for name, value in self.headers.items()
            if (spelled := name.lower().replace("_", "-")) not in _HOP_BY_HOP
            and not spelled.startswith(_CLAIMS)
        }


def proof(port: Port, address: str, secret: bytes) -> dict[str, str]:
    """Return the headers by which the metadata service knows the guest."""
    signature = hmac.new(secret, port.device_id.encode(), hashlib.sha256).hexdigest()
    return {
        "X-Forwarded-For": address,
        "X-Instance-ID": port.device_id,
        "X-Tenant-ID": port.project_id,
        "X-Instance-ID-Signature": signature,
    }
