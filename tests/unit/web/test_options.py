"""What stands in front of an application, as nova.conf has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from oslo_config import cfg

from nova_clone.web import options

ORIGIN = "https://desk.example"
PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "DELETE",
    "Access-Control-Request-Headers": "X-Auth-Token,OpenStack-API-Version",
}


def a_conf(path: Path, text: str = "") -> Any:
    file = path / "nova.conf"
    file.write_text(text)
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="nova", default_config_files=[str(file)], default_config_dirs=[])
    return conf


def an_app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"inside"]


def test_policy_files_lie_beside_the_configuration_or_where_told(tmp_path: Path) -> None:
    conf = a_conf(tmp_path, "[oslo_policy]\npolicy_file = own.yaml\nenforce_new_defaults = false\n")
    settings = options.policy_settings(conf, "/etc/nova", "/etc/nova")
    assert settings.config_dirs == (str(tmp_path), "/etc/nova")
    assert (settings.policy_file, settings.enforce_new_defaults) == ("own.yaml", False)


def test_other_origins_get_nothing_unless_allowed(tmp_path: Path) -> None:
    assert options.with_cors(a_conf(tmp_path), an_app) is an_app


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    conf = a_conf(tmp_path, f"[cors]\nallowed_origin = {ORIGIN}\n")
    door = httpx.WSGITransport(app=options.with_cors(conf, an_app))
    with httpx.Client(transport=door, base_url="http://api.example") as client:
        yield client


def test_an_allowed_origin_may_do_what_the_api_knows(client: httpx.Client) -> None:
    answer = client.options("/servers/1", headers=PREFLIGHT)
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-methods"] == "DELETE"


def test_another_origin_is_refused(client: httpx.Client) -> None:
    answer = client.options("/", headers=PREFLIGHT | {"Origin": "https://else.example"})
    assert "access-control-allow-origin" not in answer.headers
