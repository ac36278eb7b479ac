"""A standalone cloud of identity and image services, for tests."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from nova_clone.standalone.app import Standalone, StandaloneSettings, build

IDENTITY_FILE = """
projects: [{name: admin}, {name: service}, {name: red}, {name: blue}]
roles: [auditor]
users:
  - name: admin
    password: admin-secret
    default_project: admin
    roles: [{role: admin, project: admin}, {role: admin, system: true}]
  - name: compute
    password: compute-secret
    roles: [{role: service, project: service}, {role: admin, project: service}]
  - {name: nova, password: nova-secret, roles: [{role: service, project: service}]}
  - {name: red, password: red-secret, roles: [{role: member, project: red}]}
  - {name: blue, password: blue-secret, roles: [{role: member, project: blue}]}
"""


@contextlib.contextmanager
def running(state_path: Path, **changes: Any) -> Iterator[Standalone]:
    """Serve a cloud on free ports; what it keeps is below `state_path`."""
    identity_file = state_path / "identity.yaml"
    if not identity_file.exists():
        state_path.mkdir(parents=True, exist_ok=True)
        identity_file.write_text(IDENTITY_FILE)
    settings = StandaloneSettings(
        state_path=state_path,
        identity_port=0,
        image_port=0,
        identity_file=identity_file,
        password_rounds=4,
        threads=4,
        services=("identity", "image"),
        **changes,
    )
    standalone = build(settings)
    standalone.start()
    try:
        yield standalone
    finally:
        standalone.stop()


def credentials(name: str, password: str | None = None) -> dict[str, Any]:
    """Return the identity part of a login by password."""
    user = {
        "name": name,
        "domain": {"id": "default"},
        "password": f"{name}-secret" if password is None else password,
    }
    return {"methods": ["password"], "password": {"user": user}}


def project_scope(name: str) -> dict[str, Any]:
    """Return the scope of a project in the default domain."""
    return {"project": {"name": name, "domain": {"name": "Default"}}}


class Caller:
    """Sends requests to one service as one user."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = url
        self.token = token
        self._session = requests.Session()

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = dict(options.pop("headers", {}))
        if self.token:
            headers.setdefault("X-Auth-Token", self.token)
        options.setdefault("timeout", 10)
        return self._session.request(method, self.url + path, headers=headers, **options)

    def close(self) -> None:
        self._session.close()


def log_in(
    standalone: Standalone,
    name: str,
    project: str | None = None,
    *,
    scope: dict[str, Any] | None = None,
) -> requests.Response:
    """Ask for a token; the scope is a project's name, or given as it is."""
    auth: dict[str, Any] = {"identity": credentials(name)}
    if project:
        auth["scope"] = project_scope(project)
    elif scope:
        auth["scope"] = scope
    return requests.post(f"{standalone.auth_url}/auth/tokens", json={"auth": auth}, timeout=60)


def token_of(standalone: Standalone, name: str, project: str | None = None) -> str:
    """Return a token of the user for the project, by default the one of its name."""
    response = log_in(standalone, name, project or name)
    assert response.status_code == 201, response.text
    return response.headers["X-Subject-Token"]
