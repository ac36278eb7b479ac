from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator

import pytest

from nova_clone.web.server import HttpServer, ServerSettings
from nova_clone.web.wsgi import OVERLOADED, Environ, StartResponse

from .conftest import a_door

TOKEN = {"X-Auth-Token": "ann:p1"}


def a_server(app: object = None, **settings: object) -> HttpServer:
    given = {"host": "127.0.0.1", "threads": 2, **settings}
    return HttpServer(app or a_door(), ServerSettings(**given))


@pytest.fixture
def server() -> Iterator[HttpServer]:
    running = a_server()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def connection(server: HttpServer) -> Iterator[http.client.HTTPConnection]:
    opened = http.client.HTTPConnection(*server.address)
    yield opened
    opened.close()


def test_requests_are_served_over_one_connection(connection: http.client.HTTPConnection) -> None:
    for number in range(3):
        connection.request("GET", f"/v2.1/things/{number}", headers=TOKEN)
        response = connection.getresponse()
        assert json.load(response)["id"] == str(number)
        assert response.getheader("Server") is None


def test_a_body_in_chunks_is_read(connection: http.client.HTTPConnection) -> None:
    headers = TOKEN | {"Content-Type": "application/json"}
    chunks = iter([b'{"thing": ', b'{"name": "n"}}'])
    connection.request("POST", "/v2.1/things", body=chunks, headers=headers, encode_chunked=True)
    assert json.load(connection.getresponse()) == {"thing": {"name": "n"}}


@pytest.mark.parametrize("size", [114689, 300_000])
def test_a_body_too_large_is_refused(connection: http.client.HTTPConnection, size: int) -> None:
    headers = TOKEN | {"Content-Type": "application/json"}
    connection.request("POST", "/v2.1/things", body=b" " * size, headers=headers)
    assert connection.getresponse().status == 413


def test_a_client_that_never_finishes_is_cut_off() -> None:
    impatient = a_server(request_timeout=0.2)
    impatient.start()
    with socket.create_connection(impatient.address) as slow:
        slow.sendall(b"GET /v2.1 HTTP/1.1\r\nHost: x\r\n")
        assert slow.recv(1) == b""
    impatient.stop()


class Gate:
    """An application that answers when it is let."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()
        self.marked: list[bool] = []

    def __call__(self, environ: Environ, start_response: StartResponse) -> list[bytes]:
        self.marked.append(OVERLOADED in environ)
        self.entered.set()
        self.open.wait()
        start_response("200 OK", [("Content-Length", "4")])
        return [b"done"]


def test_stopping_lets_running_requests_end() -> None:
    gate = Gate()
    server = a_server(gate)
    server.start()
    connection = http.client.HTTPConnection(*server.address)
    connection.request("GET", "/")
    assert gate.entered.wait(60)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    gate.open.set()
    assert connection.getresponse().read() == b"done"
    stopping.join()
    connection.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(server.address)


def test_requests_that_wait_in_too_long_a_queue_are_marked() -> None:
    gate = Gate()
    server = a_server(gate, threads=1, max_waiting=1)
    server.start()
    connections = [http.client.HTTPConnection(*server.address) for _ in range(4)]
    for connection in connections:
        connection.request("GET", "/")
        assert gate.entered.wait(60)
    pause = threading.Event()
    while server.waiting < 3:
        pause.wait(0.01)
    gate.open.set()
    for connection in connections:
        connection.getresponse().read()
        connection.close()
    server.stop()
    assert gate.marked == [False, True, False, False]


def test_a_server_that_never_started_gives_its_port_back() -> None:
    first = a_server()
    address = first.address
    first.stop()
    second = a_server(port=address[1])
    assert second.address == address
    second.stop()


def test_the_address_is_shown_as_a_url() -> None:
    server = a_server(host="::1")
    assert server.url == f"http://[::1]:{server.address[1]}"
    server.stop()
