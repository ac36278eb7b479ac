from __future__ import annotations

from typing import Any

import falcon
import falcon.testing
import pytest

from nova_clone.domain import errors
from nova_clone.web.actions import Action, ActionDispatcher
from nova_clone.web.app import DoorSettings, Hooks, Route, build_app
from nova_clone.web.auth import AuthSettings
from nova_clone.web.call import Request
from nova_clone.web.policy import BASE_RULES, READER, Policy, PolicySettings, Rule
from nova_clone.web.query import Param, Query
from nova_clone.web.requests import Body, Field, Object
from nova_clone.web.schemas import ANY, LIMIT, NAME, choice
from nova_clone.web.versions import Version, VersionRange, VersionScheme, versions
from nova_clone.web.wsgi import WsgiApp

COMPUTE = VersionScheme(supported=VersionRange.of("2.1", "2.104"), default=Version(2, 1))
THING = Body(
    Object(
        Field(
            "thing",
            Object(
                Field("name", NAME, required=True),
                Field("hints", Object(free=ANY)),
                Field("color", choice("red"), since="2.20"),
            ),
            required=True,
        )
    )
)
THINGS = Query(Param("limit", LIMIT), Param("color", since="2.20"), strict_since="2.75")


class Boom(Exception):
    pass


class Things:
    def on_get(self, req: Request, resp: falcon.Response) -> None:
        req.context.policy.allow("things:list")
        resp.media = {"things": [], "query": dict(THINGS.read(req))}

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        resp.media = THING.read(req)


class Thing:
    def on_get(self, req: Request, resp: falcon.Response, thing_id: str) -> None:
        call = req.context
        resp.media = {
            "id": thing_id,
            "version": str(call.version),
            "user": call.caller.user_id,
            "admin": call.caller.is_admin,
            "global": call.caller.global_request_id,
            "self": f"{call.link_root}/things/{thing_id}",
            "bookmark": f"{call.bookmark_root}/things/{thing_id}",
        }

    @versions(since="2.55")
    def on_put(self, req: Request, resp: falcon.Response, thing_id: str) -> None:
        resp.media = {"changed": thing_id}


class Failing:
    raised: Exception = Boom("postgresql://nova:secret@db/nova")

    def on_get(self, req: Request, resp: falcon.Response, kind: str) -> None:
        if kind == "boom":
            raise self.raised
        raise errors.error_classes()[kind]("this is what happened")


class Root:
    public = True

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        resp.media = {"legacy": req.context.legacy, "known": req.context.identified}


def poke(req: Request, resp: falcon.Response, value: object, thing_id: str) -> None:
    resp.status = falcon.HTTP_202
    resp.media = {"poked": thing_id, "value": value}


ROUTES = (
    Route("/", Root(), versioned=False),
    Route("", Root()),
    Route("/things", Things()),
    Route("/things/{thing_id}", Thing()),
    Route(
        "/things/{thing_id}/action",
        ActionDispatcher(
            Action(name="poke", handler=poke, until="2.10"),
            Action(name="poke", handler=poke, request=Object(Field("how", NAME)), since="2.11"),
            Action(name="late", handler=poke, since="2.50"),
        ),
    ),
    Route("/fail/{kind}", Failing()),
    Route("/old", Root(), until="2.35"),
)


def unrouted(req: Request, resp: falcon.Response) -> None:
    resp.status = falcon.HTTP_300
    resp.media = {"choices": []}


def a_policy() -> Policy:
    rules = (*BASE_RULES, Rule(name="things:list", default=READER))
    return Policy(rules, PolicySettings(config_dirs=("/nonexistent",)))


def a_door(
    *, auth: AuthSettings | None = None, hooks: Hooks | None = None, **settings: Any
) -> WsgiApp:
    return build_app(
        DoorSettings(
            scheme=COMPUTE,
            auth=auth or AuthSettings(strategy="noauth2", noauth_roles=("reader", "member")),
            **settings,
        ),
        ROUTES,
        policy=a_policy(),
        hooks=hooks or Hooks(unrouted=unrouted),
    )


class Client(falcon.testing.TestClient):
    """A client that shows a token unless told otherwise."""

    def ask(
        self,
        method: str,
        path: str,
        *,
        version: str | None = None,
        token: str | None = "ann:p1",
        headers: dict[str, str] | None = None,
        **options: object,
    ) -> falcon.testing.Result:
        sent = dict(headers or {})
        if token is not None:
            sent["X-Auth-Token"] = token
        if version is not None:
            sent["OpenStack-API-Version"] = f"compute {version}"
        return self.simulate_request(method, path, headers=sent, **options)


@pytest.fixture(scope="session")
def door() -> WsgiApp:
    return a_door()


@pytest.fixture
def client(door: WsgiApp) -> Client:
    return Client(door)
