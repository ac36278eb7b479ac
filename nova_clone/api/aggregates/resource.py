"""``/os-aggregates``."""

from __future__ import annotations

from typing import Any

import falcon

from nova_clone.api.aggregates import policy, requests
from nova_clone.api.aggregates.rows import CREATED, SHOWN
from nova_clone.api.environment import Environment
from nova_clone.api.queries import NO_PARAMETERS
from nova_clone.contracts.aggregates import (
    AggregateMember,
    AggregateRef,
    CacheAggregateImages,
    CreateAggregate,
    UpdateAggregate,
)
from nova_clone.domain.errors import Invalid, NotFound
from nova_clone.domain.host import Aggregate as AggregateRecord
from nova_clone.web.actions import Action, ActionDispatcher
from nova_clone.web.call import Call, Request
from nova_clone.web.schemas import INT32_MAX
from nova_clone.web.versions import versions

_ZONE = "availability_zone"


class Aggregates:
    """All aggregates."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List them."""
        call = req.context
        NO_PARAMETERS.read(req)
        call.policy.allow(policy.INDEX)
        found = self._env.conductor.list_aggregates(call.caller)
        plan = SHOWN.plan(call.version)
        resp.media = {"aggregates": [plan(aggregate, None) for aggregate in found.aggregates]}

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        """Create one."""
        call = req.context
        asked = requests.CREATE.read(req)["aggregate"]
        call.policy.allow(policy.CREATE)
        request = CreateAggregate(name=asked["name"], availability_zone=asked.get(_ZONE))
        made = self._env.conductor.create_aggregate(call.caller, request)
        resp.media = {"aggregate": CREATED.body(made, None, call.version)}


class Aggregate:
    """One aggregate."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, aggregate_id: str) -> None:
        """Show it."""
        call = req.context
        NO_PARAMETERS.read(req)
        call.policy.allow(policy.SHOW)
        request = AggregateRef(id=_number(aggregate_id))
        resp.media = _body(call, self._env.conductor.show_aggregate(call.caller, request))

    def on_put(self, req: Request, resp: falcon.Response, aggregate_id: str) -> None:
        """Rename it or change its zone."""
        call = req.context
        asked = requests.UPDATE.read(req)["aggregate"]
        call.policy.allow(policy.UPDATE)
        request = UpdateAggregate(
            id=_number(aggregate_id),
            name=asked["name"].strip() if "name" in asked else None,
            metadata={_ZONE: asked[_ZONE]} if _ZONE in asked else {},
        )
        resp.media = _body(call, self._env.conductor.update_aggregate(call.caller, request))

    def on_delete(self, req: Request, resp: falcon.Response, aggregate_id: str) -> None:
        """Delete it."""
        call = req.context
        NO_PARAMETERS.read(req)
        call.policy.allow(policy.DELETE)
        self._env.conductor.delete_aggregate(call.caller, AggregateRef(id=_number(aggregate_id)))


class AggregateImages:
    """The images that the hosts of an aggregate should have."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    @versions(since="2.81")
    def on_post(self, req: Request, resp: falcon.Response, aggregate_id: str) -> None:
        """Have them fetched."""
        call = req.context
        asked = requests.CACHE.read(req)["cache"]
        call.policy.allow(policy.IMAGES)
        request = CacheAggregateImages(
            id=_number(aggregate_id), image_ids=tuple(item["id"] for item in asked)
        )
        self._env.conductor.cache_aggregate_images(call.caller, request)
        resp.status = falcon.HTTP_202


def aggregate_actions(env: Environment) -> ActionDispatcher:
    """Return the resource at ``/os-aggregates/{aggregate_id}/action``."""

    def add(req: Request, resp: falcon.Response, value: Any, aggregate_id: str) -> None:
        call = req.context
        call.policy.allow(policy.ADD_HOST)
        request = AggregateMember(id=_number(aggregate_id), host=value["host"])
        resp.media = _body(call, env.conductor.add_aggregate_host(call.caller, request))

    def remove(req: Request, resp: falcon.Response, value: Any, aggregate_id: str) -> None:
        call = req.context
        call.policy.allow(policy.REMOVE_HOST)
        request = AggregateMember(id=_number(aggregate_id), host=value["host"])
        resp.media = _body(call, env.conductor.remove_aggregate_host(call.caller, request))

    def set_metadata(req: Request, resp: falcon.Response, value: Any, aggregate_id: str) -> None:
        call = req.context
        call.policy.allow(policy.SET_METADATA)
        request = UpdateAggregate(id=_number(aggregate_id), metadata=value["metadata"])
        resp.media = _body(call, env.conductor.update_aggregate(call.caller, request))

    return ActionDispatcher(
        Action(name="add_host", handler=add, request=requests.MEMBER),
        Action(name="remove_host", handler=remove, request=requests.MEMBER),
        Action(name="set_metadata", handler=set_metadata, request=requests.METADATA),
    )


def _body(call: Call, aggregate: AggregateRecord) -> dict[str, Any]:
    return {"aggregate": SHOWN.body(aggregate, None, call.version)}


def _number(aggregate_id: str) -> int:
    if not (aggregate_id.isascii() and aggregate_id.isdigit() and len(aggregate_id) <= 80):
        raise Invalid(f"Aggregate id {aggregate_id[:80]!r} is not a number.")
    number = int(aggregate_id)
    if number > INT32_MAX:
        raise NotFound(f"Aggregate {number} could not be found.")
    return number
