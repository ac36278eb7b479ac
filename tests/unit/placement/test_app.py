from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from nova_clone.contracts.placement import CandidateQuery, PlacementContract
from nova_clone.domain.errors import Unavailable
from nova_clone.domain.identity import service_context
from nova_clone.placement import app
from nova_clone.placement.settings import OPTIONS, from_conf
from nova_clone.rpc.contract import proxy
from nova_clone.rpc.transport import Bus
from nova_clone.runtime import settings
from nova_clone.runtime.daemon import Process
from nova_clone.runtime.health import Health
from nova_clone.runtime.metrics import Metrics
from nova_clone.web import options
from nova_clone.web.server import HttpServer

FILE = """
[DEFAULT]
transport_url = fake://
rpc_response_timeout = 1
[api]
auth_strategy = noauth2
[placement_api]
listen = 127.0.0.1
listen_port = 0
[placement]
randomize_allocation_candidates = True
max_allocation_candidates = 100000
allocation_candidates_generation_strategy = breadth-first
[cors]
allowed_origin = http://horizon.example.com
"""


@pytest.fixture
def conf(tmp_path: Path) -> Iterator[Any]:
    file = tmp_path / "placement.conf"
    file.write_text(FILE)
    conf = settings.load(
        "nova-placement-api", ["--config-file", str(file)], options=OPTIONS, version="0"
    )
    yield conf
    conf.reset()


@pytest.fixture
def services(conf: Any) -> Iterator[list[Any]]:
    process = Process(
        name="nova-placement-api",
        version="0",
        host="here",
        conf=conf,
        health=Health(),
        metrics=Metrics(enabled=False),
        request_stop=lambda: None,
        shared=app.listener(conf),
    )
    services = list(app.build(process))
    for service in services:
        service.start()
    yield services
    for service in reversed(services):
        service.stop()


def test_it_serves_http_and_rpc(conf: Any, services: list[Any]) -> None:
    http = next(service for service in services if isinstance(service, HttpServer))
    placement = proxy(PlacementContract, Bus(conf))

    root = httpx.get(f"{http.url}/", headers={"origin": "http://horizon.example.com"})

    assert root.json()["versions"][0]["id"] == "v1.0"
    assert root.headers["access-control-allow-origin"] == "http://horizon.example.com"
    with pytest.raises(Unavailable):
        placement.candidates(service_context(), CandidateQuery(groups=()))


def test_a_conductor_that_is_away_is_told_as_503(services: list[Any]) -> None:
    http = next(service for service in services if isinstance(service, HttpServer))

    asked = httpx.get(
        f"{http.url}/resource_providers", headers={"x-auth-token": "admin"}, timeout=60
    )

    assert asked.status_code == 503
    assert "retry-after" in asked.headers


def test_settings_come_from_the_configuration(conf: Any) -> None:
    found = from_conf(conf)

    assert (found.listen, found.port, found.randomize_candidates) == ("127.0.0.1", 0, True)
    assert (found.max_candidates, found.strategy) == (100_000, "breadth-first")
    assert options.policy_settings(conf, *app.POLICY_PLACES).config_dirs[-1] == "/etc/placement"
