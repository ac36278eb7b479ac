"""Placement in this process: a conductor on SQLite behind the bus, the REST API before it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml
from oslo_config import cfg

from nova_clone.conf.opts import register_opts
from nova_clone.placement import app
from nova_clone.placement.settings import OPTIONS, from_conf
from nova_clone.placement.snapshot import Follower
from nova_clone.placement.web.environment import Environment
from nova_clone.placement.web.rules import RULES
from nova_clone.web import options as door_options
from nova_clone.web.policy import Policy
from nova_clone.web.wsgi import Environ, StartResponse, WsgiApp
from tests.cloud import Cloud

ADMIN = {"x-auth-token": "admin", "x-roles": "admin,service"}
_NOTHING: Mapping[Any, Any] = {}


def _client(app: WsgiApp) -> httpx.Client:
    def encoded(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        # httpx hands over a path as text, where WSGI wants its bytes one by one.
        environ["PATH_INFO"] = environ["PATH_INFO"].encode().decode("latin-1")
        return app(environ, start_response)

    # falcon's own client refuses a 201 without a type, which clients of Placement expect.
    return httpx.Client(
        transport=httpx.WSGITransport(app=encoded),
        base_url="http://placement.example.com",
        headers=ADMIN,
    )


class Placement:
    """One service with an empty database, until it is stopped."""

    def __init__(
        self,
        *,
        options: Mapping[tuple[str, str], Any] = _NOTHING,
        policy: Mapping[str, str] = _NOTHING,
    ) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="placement-"))
        self._cloud = Cloud(self.directory)
        self._cloud.sync()
        self._cloud.start_conductor()
        self._configure(options, policy)
        self.app = self._process()
        self.client = _client(self.app)

    def _configure(self, options: Mapping[tuple[str, str], Any], policy: Mapping[str, str]) -> None:
        (self.directory / "policy.yaml").write_text(yaml.safe_dump(dict(policy)))
        config = self.directory / "placement.conf"
        config.write_text("")
        self.conf = cfg.ConfigOpts()
        register_opts(self.conf, ("base", *OPTIONS))
        self.conf(args=[], default_config_files=[str(config)], default_config_dirs=[])
        self.conf.set_override("auth_strategy", "noauth2", group="api")
        door_options.register(self.conf)
        for (group, name), value in options.items():
            self.conf.set_override(name, value, group=group)

    def _process(self) -> WsgiApp:
        environment = Environment(
            settings=from_conf(self.conf),
            conductor=self._cloud.conductor,
            follower=Follower(self._cloud.conductor),
        )
        policy = Policy(RULES, door_options.policy_settings(self.conf, *app.POLICY_PLACES))
        return app.build_web(self.conf, environment, policy=policy)

    def another(self) -> httpx.Client:
        """Return a client of one more process of the same service."""
        return _client(self._process())

    def send(
        self, method: str, path: str, body: Any = None, *, version: str = "1.39", **headers: str
    ) -> httpx.Response:
        """Send a request, as an administrator unless `headers` say otherwise."""
        kept = {name.replace("_", "-"): value for name, value in headers.items()}
        kept["openstack-api-version"] = f"placement {version}"
        return self.client.request(method, path, json=body, headers=kept)

    def ask(
        self, method: str, path: str, body: Any = None, *, version: str = "1.39"
    ) -> dict[str, Any]:
        """Return the body of the answer to a request that must succeed."""
        response = self.send(method, path, body, version=version)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        return dict(response.json()) if response.content else {}

    def stop(self) -> None:
        """End it and forget its data."""
        self.client.close()
        self._cloud.stop()
        shutil.rmtree(self.directory)
