from __future__ import annotations

from typing import Any

import falcon.testing
import pytest

from nova_clone.api.app import build
from nova_clone.api.settings import ApiSettings
from nova_clone.web.auth import AuthSettings
from nova_clone.web.policy import PolicySettings
from nova_clone.web.wsgi import WsgiApp
from tests.unit.api.builders import PROJECT, USER, a_flavor, a_server
from tests.unit.api.fake_conductor import FakeCompute, FakeConductor

MEMBER = f"{USER}:{PROJECT}"
STRANGER = "bob:00000000000000000000000000000002"
ADMIN = f"admin:{PROJECT}"


class Client(falcon.testing.TestClient):
    """Asks as an ordinary member in the newest version, unless told otherwise."""

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        version: str | None = "latest",
        token: str | None = MEMBER,
        roles: str | None = None,
        **options: Any,
    ) -> falcon.testing.Result:
        headers = {}
        if token is not None:
            headers["X-Auth-Token"] = token
        if roles is not None:
            headers["X-Roles"] = roles
        if version is not None:
            headers["OpenStack-API-Version"] = f"compute {version}"
        if body is not None:
            options["json"] = body
        return self.simulate_request(method, f"/v2.1{path}", headers=headers, **options)

    def get(self, path: str, **options: Any) -> falcon.testing.Result:
        return self.ask("GET", path, **options)


def an_api(conductor: FakeConductor, **settings: Any) -> WsgiApp:
    auth = AuthSettings(strategy="noauth2", noauth_roles=("reader", "member"))
    nowhere = PolicySettings(config_dirs=("/nonexistent",))
    return build(
        ApiSettings(auth=auth, policy=nowhere, **settings),
        conductor,  # type: ignore[arg-type]
        FakeCompute,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="session")
def shared() -> tuple[WsgiApp, FakeConductor]:
    conductor = FakeConductor()
    return an_api(conductor), conductor


@pytest.fixture
def conductor(shared: tuple[WsgiApp, FakeConductor]) -> FakeConductor:
    """A conductor with one flavor and one active server."""
    conductor = shared[1]
    conductor.__init__()  # type: ignore[misc]
    conductor.add(a_flavor(), a_server())
    return conductor


@pytest.fixture
def client(shared: tuple[WsgiApp, FakeConductor], conductor: FakeConductor) -> Client:
    return Client(shared[0])
