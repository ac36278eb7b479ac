from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from oslo_config import cfg

from nova_clone.conf.opts import register_opts
from nova_clone.domain import errors
from nova_clone.standalone.app import StandaloneSettings, build
from nova_clone.standalone.settings import OPTIONS, from_conf
from tests.unit.standalone.cloud import running


def configured(tmp_path: Path, *lines: str) -> Any:
    path = tmp_path / "nova.conf"
    path.write_text("\n".join(["[DEFAULT]", f"state_path = {tmp_path}", *lines]))
    conf = cfg.ConfigOpts()
    register_opts(conf, {"base", *OPTIONS})
    conf([], default_config_files=[str(path)], default_config_dirs=[])
    return conf


def test_settings_have_the_defaults_of_the_options(tmp_path: Path) -> None:
    settings = from_conf(configured(tmp_path))
    plain = StandaloneSettings(
        state_path=tmp_path / "standalone",
        identity_file=tmp_path / "standalone" / "identity.yaml",
        make_identity_file=True,
        network=settings.network,
    )
    assert settings == plain
    assert settings.network["physical_networks"] == ["public"]


def test_settings_are_read_from_the_file(tmp_path: Path) -> None:
    settings = from_conf(
        configured(
            tmp_path,
            "[standalone]",
            "state_path = /srv/cloud",
            "identity_file = /etc/nova/identity.yaml",
            "services = image",
            "endpoints = compute:http://a/v2.1,volumev3:http://b/v3/%(project_id)s",
            "metadata_secret = very-secret",
            "[standalone_network]",
            "wire = no",
            "quotas = port:7",
            "events_url = http://a/v2.1",
            "events_password = more-secret",
        )
    )
    assert settings.state_path == Path("/srv/cloud")
    assert settings.identity_file == Path("/etc/nova/identity.yaml")
    assert not settings.make_identity_file
    assert settings.services == ("identity", "image")
    assert settings.endpoints["volumev3"] == "http://b/v3/%(project_id)s"
    assert settings.network["quotas"] == {"port": 7}
    assert settings.network["events_auth"]["auth_url"] == "http://127.0.0.1:5000/v3"
    assert "secret" not in repr(settings).replace("metadata_secret", "")


def test_the_first_start_makes_an_identity_file(tmp_path: Path) -> None:
    settings = StandaloneSettings(
        state_path=tmp_path,
        identity_port=0,
        identity_file=tmp_path / "identity.yaml",
        make_identity_file=True,
        password_rounds=4,
        services=("identity",),
    )
    standalone = build(settings)
    standalone.start()
    users = yaml.safe_load((tmp_path / "identity.yaml").read_text())["users"]
    admin = next(user for user in users if user["name"] == "admin")
    proof = {
        "name": "admin",
        "domain": {"id": "default"},
        "password": admin["password"],
    }
    identity = {"methods": ["password"], "password": {"user": proof}}
    answer = requests.post(
        f"{standalone.auth_url}/auth/tokens", json={"auth": {"identity": identity}}, timeout=60
    )
    assert answer.status_code == 201
    standalone.stop()


def test_a_missing_identity_file_is_told_and_nothing_stays_open(tmp_path: Path) -> None:
    settings = StandaloneSettings(
        state_path=tmp_path / "state", identity_port=0, identity_file=tmp_path / "none.yaml"
    )
    with pytest.raises(errors.Invalid, match=r"none\.yaml"):
        build(settings)


def test_a_taken_port_gives_back_what_was_bound(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = StandaloneSettings(
            state_path=tmp_path,
            identity_port=0,
            image_port=taken.getsockname()[1],
            services=("identity", "image"),
        )
        with pytest.raises(OSError, match="Address already in use"):
            build(settings)


def test_addresses_are_advertised_as_told(tmp_path: Path) -> None:
    with running(tmp_path, advertise="localhost", endpoints={"compute": "http://c"}) as cloud:
        assert cloud.auth_url.startswith("http://localhost:")
        assert cloud.urls["compute"] == "http://c"
        assert set(cloud.urls) == {"compute", "identity", "image"}


def test_a_stopped_cloud_answers_no_more(tmp_path: Path) -> None:
    with running(tmp_path) as cloud:
        session = requests.Session()
        assert session.get(cloud.auth_url, timeout=60).status_code == 200
    with pytest.raises(requests.ConnectionError):
        session.get(cloud.auth_url, timeout=60)
    session.close()


def test_a_body_without_end_is_refused_early(tmp_path: Path) -> None:
    with running(tmp_path, max_image_size=1000) as cloud:
        url = cloud.auth_url + "/auth/tokens"
        assert requests.post(url, data=b"x" * 2**21, timeout=60).status_code == 413
