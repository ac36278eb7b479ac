from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import pytest
from oslo_config import cfg

from nova_clone.rpc.contract import endpoint, proxy
from nova_clone.rpc.local import EXCHANGE
from nova_clone.rpc.server import RpcServer
from nova_clone.rpc.transport import Bus
from tests.unit.rpc.sample import Greeter, GreeterContract


@dataclasses.dataclass(frozen=True, kw_only=True)
class Served:
    bus: Bus
    server: RpcServer
    greeter: Greeter
    proxy: GreeterContract


@pytest.fixture
def bus() -> Iterator[Bus]:
    cfg.CONF([], default_config_files=[], default_config_dirs=[])
    bus = Bus(cfg.CONF, url="fake://")
    yield bus
    bus.close()
    EXCHANGE.clear()


@pytest.fixture
def serve(bus: Bus) -> Iterator[Callable[..., Served]]:
    started: list[RpcServer] = []

    def make(host: str = "host1", threads: int = 4) -> Served:
        greeter = Greeter()
        server = bus.server("greeter", host, [endpoint(GreeterContract, greeter)], threads=threads)
        server.start()
        started.append(server)
        return Served(
            bus=bus, server=server, greeter=greeter, proxy=proxy(GreeterContract, bus, server=host)
        )

    yield make
    for server in started:
        server.stop()
        server.wait()


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    return serve()
