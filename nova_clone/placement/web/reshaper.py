"""``/reshaper``: inventories and allocations moved together."""

from __future__ import annotations

from typing import Final

import falcon

from nova_clone.contracts.placement_store import PutInventories, Reshape
from nova_clone.domain.errors import Invalid
from nova_clone.placement.web.allocation_forms import BY_CONSUMER, check_against, several
from nova_clone.placement.web.environment import Environment
from nova_clone.placement.web.forms import GENERATION, Form
from nova_clone.placement.web.inventories import (
    RECORDS,
    check_known,
    check_reserved,
    inventory_of,
)
from nova_clone.placement.web.resource import Resource, canonical, no_provider
from nova_clone.web.call import Request
from nova_clone.web.requests import Field, Object

_BODY: Final = Form(
    Object(
        Field(
            "inventories",
            Object(
                free=Object(
                    Field("inventories", RECORDS, required=True),
                    Field("resource_provider_generation", GENERATION, required=True),
                ),
                min_keys=1,
            ),
            required=True,
        ),
        Field("allocations", BY_CONSUMER, required=True),
    )
)


class Reshaper(Resource):
    """The one request that changes inventories and allocations at once."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        """Replace the inventories of providers and the allocations of consumers."""
        call = req.context
        call.policy.allow("placement:reshaper:reshape")
        body = _BODY.read(req)
        allocations = several(body["allocations"], self._env.settings)
        inventories = []
        with self._env.fresh(req) as snapshot:
            for provider_id, wanted in body["inventories"].items():
                provider = snapshot.providers.get(canonical(provider_id))
                if provider is None:
                    raise Invalid(
                        no_provider(provider_id).message,
                        code="placement.resource_provider.not_found",
                    )
                check_known(snapshot, provider.id, wanted["inventories"])
                records = {
                    name: inventory_of(record) for name, record in wanted["inventories"].items()
                }
                for name, inventory in records.items():
                    check_reserved(provider.id, name, inventory, call.version)
                inventories.append(
                    PutInventories(
                        provider_id=provider.id,
                        inventories=records,
                        generation=wanted["resource_provider_generation"],
                    )
                )
            check_against(snapshot, allocations)
        request = Reshape(inventories=tuple(inventories), allocations=allocations)
        self._env.conductor.reshape(call.caller, request)
        resp.status = falcon.HTTP_204
