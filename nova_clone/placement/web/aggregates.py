"""``/resource_providers/{uuid}/aggregates``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import falcon

from nova_clone.contracts.placement_store import PutAggregates
from nova_clone.domain.resources import Provider
from nova_clone.placement.web.environment import Environment
from nova_clone.placement.web.forms import GENERATION, UUID, Form
from nova_clone.placement.web.history import since
from nova_clone.placement.web.resource import Resource, answer, canonical, changed_at, known
from nova_clone.web.call import Request
from nova_clone.web.requests import Array, Field, Object

_NAMES: Final = Array(UUID, unique=True)
_LIST: Final = Form(_NAMES)
_OBJECT: Final = Form(
    Object(
        Field("aggregates", _NAMES, required=True),
        Field("resource_provider_generation", GENERATION, required=True),
    )
)
_WITH_GENERATION: Final = since("1.19")


def _body(req: Request, provider: Provider, names: Iterable[str]) -> dict[str, Any]:
    body: dict[str, Any] = {"aggregates": list(names)}
    if _WITH_GENERATION.holds(req.context.version):
        body["resource_provider_generation"] = provider.generation
    return body


class ProviderAggregates(Resource):
    """The aggregates that a provider is in."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, provider_id: str) -> None:
        """List them."""
        req.context.policy.allow("placement:resource_providers:aggregates:list")
        with self._env.fresh(req) as snapshot:
            provider = known(snapshot, provider_id)
        answer(req, resp, _body(req, provider, provider.aggregates), changed_at(provider))

    def on_put(self, req: Request, resp: falcon.Response, provider_id: str) -> None:
        """Replace them; from 1.19 on only if the provider is as the caller saw it."""
        call = req.context
        call.policy.allow("placement:resource_providers:aggregates:update")
        with self._env.fresh(req) as snapshot:
            provider = known(snapshot, provider_id)
        if _WITH_GENERATION.holds(call.version):
            body = _OBJECT.read(req)
            names, generation = body["aggregates"], body["resource_provider_generation"]
        else:
            names, generation = _LIST.read(req), None
        wanted = tuple(dict.fromkeys(canonical(name) for name in names))
        changed = self._env.conductor.put_aggregates(
            call.caller,
            PutAggregates(
                provider_id=provider.id,
                aggregates=wanted,
                generation=generation,
                bump=generation is not None,
            ),
        )
        answer(req, resp, _body(req, changed, wanted), changed_at(changed))
