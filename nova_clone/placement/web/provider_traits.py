"""``/resource_providers/{uuid}/traits``."""

from __future__ import annotations

from typing import Any, Final

import falcon

from nova_clone.contracts.placement_store import PutTraits
from nova_clone.domain.resources import Provider
from nova_clone.placement.web.environment import Environment
from nova_clone.placement.web.filters import check_traits
from nova_clone.placement.web.forms import GENERATION, Form
from nova_clone.placement.web.resource import Resource, answer, changed_at, known
from nova_clone.web.call import Request
from nova_clone.web.requests import Array, Field, Object
from nova_clone.web.schemas import string

_PUT: Final = Form(
    Object(
        Field("traits", Array(string(1, 255), unique=True), required=True),
        Field("resource_provider_generation", GENERATION, required=True),
    )
)


def _body(provider: Provider) -> dict[str, Any]:
    return {
        "traits": list(provider.traits),
        "resource_provider_generation": provider.generation,
    }


class ProviderTraits(Resource):
    """The traits of a provider."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, provider_id: str) -> None:
        """List them."""
        req.context.policy.allow("placement:resource_providers:traits:list")
        with self._env.fresh(req) as snapshot:
            provider = known(snapshot, provider_id)
        answer(req, resp, _body(provider), changed_at(provider))

    def on_put(self, req: Request, resp: falcon.Response, provider_id: str) -> None:
        """Replace them."""
        call = req.context
        call.policy.allow("placement:resource_providers:traits:update")
        body = _PUT.read(req)
        with self._env.fresh(req) as snapshot:
            provider = known(snapshot, provider_id)
            check_traits(snapshot, body["traits"])
        changed = self._env.conductor.put_traits(
            call.caller,
            PutTraits(
                provider_id=provider.id,
                traits=tuple(body["traits"]),
                generation=body["resource_provider_generation"],
            ),
        )
        answer(req, resp, _body(changed), changed_at(changed))

    def on_delete(self, req: Request, resp: falcon.Response, provider_id: str) -> None:
        """Take them all away."""
        call = req.context
        call.policy.allow("placement:resource_providers:traits:delete")
        with self._env.fresh(req) as snapshot:
            provider = known(snapshot, provider_id)
        self._env.conductor.put_traits(call.caller, PutTraits(provider_id=provider.id))
        resp.status = falcon.HTTP_204
