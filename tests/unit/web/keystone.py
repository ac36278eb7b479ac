"""A Keystone of one token kind: enough of v3 for the token middleware."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import threading
from typing import Any

import falcon


@dataclasses.dataclass
class FakeKeystone:
    """Issues tokens to the middleware and validates those in `known`."""

    known: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    validations: list[str] = dataclasses.field(default_factory=list)
    failing: bool = False
    url: str = ""
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def app(self) -> falcon.App[Any, Any]:
        app = falcon.App()
        app.add_route("/v3", _Discovery(self))
        app.add_route("/v3/auth/tokens", _Tokens(self))
        return app

    def issue(self, token: str, user: str, project: str, *roles: str) -> None:
        self.known[token] = a_token(user, project, *roles)


def a_token(user: str, project: str, *roles: str) -> dict[str, Any]:
    now = dt.datetime.now(dt.UTC)
    return {
        "methods": ["password"],
        "user": {"id": user, "name": user.title(), "domain": {"id": "default", "name": "Default"}},
        "project": {"id": project, "name": "P", "domain": {"id": "default", "name": "Default"}},
        "roles": [{"id": role, "name": role} for role in roles],
        "catalog": [],
        "issued_at": now.isoformat().replace("+00:00", "Z"),
        "expires_at": (now + dt.timedelta(hours=1)).isoformat().replace("+00:00", "Z"),
    }


class _Discovery:
    def __init__(self, keystone: FakeKeystone) -> None:
        self._keystone = keystone

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        links = [{"rel": "self", "href": f"{self._keystone.url}/v3"}]
        resp.media = {"version": {"id": "v3.14", "status": "stable", "links": links}}


class _Tokens:
    def __init__(self, keystone: FakeKeystone) -> None:
        self._keystone = keystone

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        token = a_token("nova", "service", "service")
        endpoint = {"interface": "internal", "region": "R", "url": f"{self._keystone.url}/v3"}
        token["catalog"] = [{"type": "identity", "name": "keystone", "endpoints": [endpoint]}]
        resp.status = falcon.HTTP_201
        resp.set_header("X-Subject-Token", "of-the-service")
        resp.text = json.dumps({"token": token})

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        asked = req.get_header("X-Subject-Token", required=True)
        with self._keystone.lock:
            self._keystone.validations.append(asked)
        if self._keystone.failing:
            raise falcon.HTTPServiceUnavailable
        if asked not in self._keystone.known:
            raise falcon.HTTPNotFound
        resp.set_header("X-Subject-Token", asked)
        resp.text = json.dumps({"token": self._keystone.known[asked]})
