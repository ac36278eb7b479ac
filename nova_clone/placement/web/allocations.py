"""``/allocations``, those of one consumer, and ``/resource_providers/{uuid}/allocations``."""

from __future__ import annotations

from typing import Any, Final

import falcon

from nova_clone.contracts.placement_store import AllocationQuery, ConsumerRef, PutAllocations
from nova_clone.domain.errors import Invalid
from nova_clone.domain.resources import Allocation
from nova_clone.placement.snapshot import Snapshot
from nova_clone.placement.web.allocation_forms import (
    GENERATIONS,
    POST,
    PUT,
    allocation_of,
    check_against,
    checked,
    several,
)
from nova_clone.placement.web.environment import Environment
from nova_clone.placement.web.history import since
from nova_clone.placement.web.resource import Resource, answer, canonical, known
from nova_clone.web.call import Request
from nova_clone.web.rows import Row, Rows
from nova_clone.web.schemas import FORMATS
from nova_clone.web.versions import versions

#: How a consumer without a type is called.
UNKNOWN: Final = "unknown"


def _by_provider(allocation: Allocation, snapshot: Snapshot) -> dict[str, Any]:
    return {
        provider_id: {
            "generation": snapshot.providers[provider_id].generation,
            "resources": dict(amounts),
        }
        for provider_id, amounts in allocation.resources.items()
        if provider_id in snapshot.providers
    }


ROWS: Final[Rows[Allocation, Snapshot]] = Rows(
    Row("allocations", _by_provider),
    Row("project_id", lambda allocation, _: allocation.project_id, since("1.12")),
    Row("user_id", lambda allocation, _: allocation.user_id, since("1.12")),
    Row(
        "consumer_generation",
        lambda allocation, _: allocation.consumer_generation,
        since("1.28"),
    ),
    Row("consumer_type", lambda allocation, _: allocation.consumer_type or UNKNOWN, since("1.38")),
)


class Allocations(Resource):
    """The allocations of everybody."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    @versions(since="1.13")
    def on_post(self, req: Request, resp: falcon.Response) -> None:
        """Replace what several consumers hold, all or nothing."""
        call = req.context
        call.policy.allow("placement:allocations:manage")
        wanted = several(POST.read(req), self._env.settings)
        with self._env.fresh(req) as snapshot:
            check_against(snapshot, wanted)
        request = PutAllocations(allocations=wanted, check_generation=checked(req))
        self._env.conductor.put_allocations(call.caller, request)
        resp.status = falcon.HTTP_204


class ConsumerAllocations(Resource):
    """What one consumer holds."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, consumer_id: str) -> None:
        """Show it; a consumer that holds nothing is none."""
        call = req.context
        call.policy.allow("placement:allocations:list")
        found = self._held(req, consumer_id)
        if found is None:
            answer(req, resp, {"allocations": {}})
            return
        with self._env.fresh(req) as snapshot:
            body = ROWS.body(found, snapshot, call.version)
        answer(req, resp, body, found.updated_at)

    def on_put(self, req: Request, resp: falcon.Response, consumer_id: str) -> None:
        """Replace it."""
        call = req.context
        call.policy.allow("placement:allocations:update")
        body = PUT.read(req)
        if not FORMATS["uuid"](consumer_id):
            raise Invalid(f"Malformed consumer_uuid: {consumer_id[:80]}")
        wanted = allocation_of(canonical(consumer_id), body, self._env.settings)
        with self._env.fresh(req) as snapshot:
            check_against(snapshot, (wanted,))
        request = PutAllocations(allocations=(wanted,), check_generation=checked(req))
        self._env.conductor.put_allocations(call.caller, request)
        resp.status = falcon.HTTP_204

    def on_delete(self, req: Request, resp: falcon.Response, consumer_id: str) -> None:
        """Take it all away."""
        call = req.context
        call.policy.allow("placement:allocations:delete")
        request = ConsumerRef(id=canonical(consumer_id)[:255])
        self._env.conductor.delete_allocations(call.caller, request)
        resp.status = falcon.HTTP_204

    def _held(self, req: Request, consumer_id: str) -> Allocation | None:
        query = AllocationQuery(consumers=(canonical(consumer_id),))
        found = self._env.conductor.allocations(req.context.caller, query).allocations
        return found[0] if found and found[0].resources else None


class ProviderAllocations(Resource):
    """What is held of one provider."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, provider_id: str) -> None:
        """List it by consumer."""
        call = req.context
        call.policy.allow("placement:resource_providers:allocations:list")
        query = AllocationQuery(provider_id=canonical(provider_id))
        with self._env.fresh(req) as snapshot:
            known(snapshot, provider_id)
        held = self._env.conductor.allocations(call.caller, query).allocations
        with self._env.fresh(req) as snapshot:
            provider = known(snapshot, provider_id)
        shown: dict[str, Any] = {}
        for allocation in held:
            entry: dict[str, Any] = {"resources": dict(allocation.resources[provider.id])}
            if GENERATIONS.holds(call.version):
                entry["consumer_generation"] = allocation.consumer_generation
            shown[allocation.consumer_id] = entry
        body = {"allocations": shown, "resource_provider_generation": provider.generation}
        answer(req, resp, body, *(allocation.updated_at for allocation in held))
