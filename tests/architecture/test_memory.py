"""What a daemon has loaded is most of its memory: nothing that it does not need, and once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import REPOSITORY
from tests.processes import free_ports

SQL = {"alembic", "oslo_db", "sqlalchemy"}
#: What serves, checks and describes requests over HTTP.
DOOR = {"falcon", "jsonschema_rs", "keystonemiddleware", "oslo_policy", "waitress", "webob"}
#: What asks other services over HTTP.
CLIENTS = {"charset_normalizer", "keystoneauth1", "requests", "urllib3"}
#: What is only loaded when the configuration, a guest or a report asks for it.
SELDOM = {
    "eventlet",
    "libvirt",
    "lxml",
    "os_vif",
    "oslo_reports",
    "oslo_versionedobjects",
    "prometheus_client",
    "pycdlib",
}
NEEDLESS = {
    "compute": SQL | DOOR | CLIENTS | SELDOM | {"cryptography", "sqlite3"},
    "scheduler": SQL | DOOR | CLIENTS | SELDOM | {"cryptography", "sqlite3"},
    "conductor": DOOR | SELDOM,
    "placement": SQL | SELDOM | {"sqlite3"},
    "api_os_compute": SQL | SELDOM | {"sqlite3"},
}


@pytest.fixture(params=sorted(NEEDLESS))
def script(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def loaded(script: str, tmp_path: Path) -> tuple[set[str], set[str]]:
    """The modules that a daemon has loaded before it would fork, and when it is built."""
    found = tmp_path / "modules.json"
    command = [
        *(sys.executable, "-W", "ignore", "-m", "tests.architecture.daemon_modules", str(found)),
        *(f"nova_clone.cmd.{script}", "--config-file", str(configured(tmp_path))),
    ]
    ran = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    before, after = json.loads(found.read_text())
    return set(before), set(after)


def configured(directory: Path) -> Path:
    ports = free_ports(2)
    path = directory / "nova.conf"
    lines = (
        "[DEFAULT]",
        "transport_url = fake://",
        "host = here",
        f"state_path = {directory}",
        "compute_driver = fake.FakeDriver",
        "osapi_compute_workers = 1",
        "osapi_compute_listen = 127.0.0.1",
        f"osapi_compute_listen_port = {ports[0]}",
        "[conductor]",
        "workers = 1",
        "[scheduler]",
        "workers = 1",
        "[placement_api]",
        "workers = 1",
        "listen = 127.0.0.1",
        f"listen_port = {ports[1]}",
        "[database]",
        "connection = mysql+pymysql://nova:secret@127.0.0.1:9/nova",
        "[keystone_authtoken]",
        "auth_type = password",
        "auth_url = http://127.0.0.1:9/v3",
        "username = nova",
        "password = secret",
        "[neutron]",
        "auth_url = http://127.0.0.1:9/v3",
    )
    path.write_text("\n".join(lines))
    return path


def test_nothing_is_loaded_that_is_not_needed(
    script: str, loaded: tuple[set[str], set[str]]
) -> None:
    assert not {name.partition(".")[0] for name in loaded[1]} & NEEDLESS[script]


@pytest.mark.parametrize("script", sorted(NEEDLESS.keys() - {"compute"}), indirect=True)
def test_workers_share_the_code_of_product_and_driver(loaded: tuple[set[str], set[str]]) -> None:
    before, after = loaded

    assert not {name for name in after - before if name.startswith(("nova_clone.", "pymysql"))}
