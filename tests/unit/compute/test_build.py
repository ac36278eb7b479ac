"""The composition of the daemon from a configuration file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from oslo_config import cfg

from nova_clone.clients.image import GlanceImages
from nova_clone.clients.network import Networks
from nova_clone.compute import app
from nova_clone.compute.daemon import ComputeDaemon
from nova_clone.compute.settings import OPTIONS
from nova_clone.runtime import settings
from nova_clone.runtime.daemon import Process
from nova_clone.runtime.health import Health
from nova_clone.runtime.metrics import Metrics


@pytest.fixture
def conf(tmp_path: Path) -> Iterator[Any]:
    path = tmp_path / "nova.conf"
    path.write_text(
        "[DEFAULT]\n"
        "host = host1\n"
        "compute_driver = fake.FakeDriver\n"
        f"state_path = {tmp_path}\n"
        "transport_url = fake://\n"
        "[keystone_authtoken]\n"
        "auth_url = http://127.0.0.1:5000/v3\n"
        "username = nova\n"
        "password = secret\n"
    )
    yield settings.load(
        "nova-compute", [f"--config-file={path}"], options=OPTIONS, version="1", default_files=[]
    )
    cfg.CONF.reset()


def test_a_daemon_is_composed(conf: Any) -> None:
    process = Process(
        name="nova-compute",
        version="1",
        host="host1",
        conf=conf,
        health=Health(),
        metrics=Metrics(enabled=False),
        request_stop=lambda: None,
    )
    daemon, echo = app.build(process)
    assert isinstance(daemon, ComputeDaemon)
    assert daemon.settings.host == "host1"
    assert process.health.report()[0]
    around = daemon.surroundings
    assert around.reachable()
    echo.stop()


def test_clients_are_made_from_the_configuration(conf: Any) -> None:
    assert isinstance(app.networks(conf), Networks)
    assert isinstance(app.images(conf), GlanceImages)
