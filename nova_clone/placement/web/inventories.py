"""``/resource_providers/{uuid}/inventories``, one of them, and ``…/usages``."""

from __future__ import annotations

from typing import Any, Final

import falcon

from nova_clone.contracts.placement_store import PutInventories
from nova_clone.domain.errors import Invalid, NotFound
from nova_clone.domain.resources import MAX_INT, Inventory, Provider
from nova_clone.placement.snapshot import Snapshot
from nova_clone.placement.web.environment import Environment
from nova_clone.placement.web.forms import GENERATION, RESOURCE_CLASS, Form
from nova_clone.placement.web.history import since
from nova_clone.placement.web.resource import (
    Resource,
    answer,
    changed_at,
    known,
    location,
    not_allowed,
)
from nova_clone.web.call import Request
from nova_clone.web.requests import Field, Object
from nova_clone.web.schemas import Schema, integer, string
from nova_clone.web.versions import Version

#: The largest number of a 32-bit float, as the field has it.
_MAX_RATIO: Final = 3.40282e38
_RATIO: Final[Schema] = {"type": "number", "maximum": _MAX_RATIO}
_RECORD: Final = (
    Field("total", integer(1, MAX_INT), required=True),
    Field("reserved", integer(0, MAX_INT)),
    Field("min_unit", integer(1, MAX_INT)),
    Field("max_unit", integer(1, MAX_INT)),
    Field("step_size", integer(1, MAX_INT)),
    Field("allocation_ratio", _RATIO),
)
_GENERATION: Final = Field("resource_provider_generation", GENERATION, required=True)
#: Records by resource class, as plain schema: the same in every version.
RECORDS: Final = Object(patterns={RESOURCE_CLASS: Object(*_RECORD).at(Version(1, 0))})
_PUT_ALL: Final = Form(Object(_GENERATION, Field("inventories", RECORDS, required=True)))
_PUT_ONE: Final = Form(Object(_GENERATION, *_RECORD))
_POST: Final = Form(
    Object(
        Field("resource_class", string(pattern=RESOURCE_CLASS), required=True),
        Field("resource_provider_generation", GENERATION),
        *_RECORD,
    )
)
_ALL_RESERVED: Final = since("1.26")
_DELETE_ALL: Final = since("1.5")


def inventory_of(body: dict[str, Any]) -> Inventory:
    """Return the inventory that a record of a body describes."""
    return Inventory(
        total=body["total"],
        reserved=body.get("reserved", 0),
        min_unit=body.get("min_unit", 1),
        max_unit=body.get("max_unit", MAX_INT),
        step_size=body.get("step_size", 1),
        allocation_ratio=float(body.get("allocation_ratio", 1.0)),
    )


def check_reserved(
    provider_id: str, name: str, inventory: Inventory, version: Version, *, verb: str = "update"
) -> None:
    """Raise `Invalid` when more is reserved than the version lets be."""
    if _ALL_RESERVED.holds(version):
        wrong, than = inventory.reserved > inventory.total, "greater than total"
    else:
        wrong, than = inventory.reserved >= inventory.total, "greater than or equal to total"
    if wrong:
        raise Invalid(
            f"Unable to {verb} inventory for resource provider {provider_id}: Invalid inventory "
            f"for '{name}' on resource provider '{provider_id}'. The reserved value is {than}."
        )


def check_known(snapshot: Snapshot, provider_id: str, names: Any) -> None:
    """Raise `Invalid` for resource classes that there are not."""
    for name in sorted(names):
        if not snapshot.has_class(name):
            raise Invalid(
                f"Unknown resource class in inventory for resource provider {provider_id}: "
                f"No such resource class {name[:255]}."
            )


def record_body(inventory: Inventory) -> dict[str, Any]:
    """Return an inventory as the API shows it."""
    return {
        "total": inventory.total,
        "reserved": inventory.reserved,
        "min_unit": inventory.min_unit,
        "max_unit": inventory.max_unit,
        "step_size": inventory.step_size,
        "allocation_ratio": inventory.allocation_ratio,
    }


def _all_body(provider: Provider) -> dict[str, Any]:
    return {
        "resource_provider_generation": provider.generation,
        "inventories": {name: record_body(each) for name, each in provider.inventories.items()},
    }


def _one_body(provider: Provider, name: str) -> dict[str, Any]:
    return {
        "resource_provider_generation": provider.generation,
        **record_body(provider.inventories[name]),
    }


class Inventories(Resource):
    """All inventories of a provider."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, provider_id: str) -> None:
        """List them."""
        req.context.policy.allow("placement:resource_providers:inventories:list")
        with self._env.fresh(req) as snapshot:
            provider = known(snapshot, provider_id)
        answer(req, resp, _all_body(provider), changed_at(provider))

    def on_put(self, req: Request, resp: falcon.Response, provider_id: str) -> None:
        """Replace them all."""
        call = req.context
        call.policy.allow("placement:resource_providers:inventories:update")
        body = _PUT_ALL.read(req)
        with self._env.fresh(req) as snapshot:
            provider = known(snapshot, provider_id)
            check_known(snapshot, provider.id, body["inventories"])
        wanted = {name: inventory_of(record) for name, record in body["inventories"].items()}
        for name, inventory in wanted.items():
            check_reserved(provider.id, name, inventory, call.version)
        changed = self._env.conductor.put_inventories(
            call.caller,
            PutInventories(
                provider_id=provider.id,
                inventories=wanted,
                generation=body["resource_provider_generation"],
            ),
        )
        answer(req, resp, _all_body(changed), changed_at(changed))

    def on_post(self, req: Request, resp: falcon.Response, provider_id: str) -> None:
        """Add one."""
        call = req.context
        call.policy.allow("placement:resource_providers:inventories:create")
        body = _POST.read(req)
        name = body["resource_class"]
        with self._env.fresh(req) as snapshot:
            provider = known(snapshot, provider_id)
            check_known(snapshot, provider.id, (name,))
        inventory = inventory_of(body)
        check_reserved(provider.id, name, inventory, call.version, verb="create")
        changed = self._env.conductor.put_inventories(
            call.caller,
            PutInventories(
                provider_id=provider.id,
                inventories={name: inventory},
                generation=body.get("resource_provider_generation"),
                only=(name,),
                must_not_exist=True,
            ),
        )
        path = ("resource_providers", provider.id, "inventories", name)
        resp.set_header("location", location(req, *path))
        answer(req, resp, _one_body(changed, name), changed_at(changed))
        resp.status = falcon.HTTP_201

    def on_delete(self, req: Request, resp: falcon.Response, provider_id: str) -> None:
        """Delete them all; the oldest versions do not know this."""
        call = req.context
        if not _DELETE_ALL.holds(call.version):
            raise not_allowed("DELETE", ("GET", "POST", "PUT"))
        call.policy.allow("placement:resource_providers:inventories:delete")
        with self._env.fresh(req) as snapshot:
            provider = known(snapshot, provider_id)
        self._env.conductor.put_inventories(call.caller, PutInventories(provider_id=provider.id))
        resp.status = falcon.HTTP_204


class OneInventory(Resource):
    """One inventory of a provider."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, provider_id: str, name: str) -> None:
        """Show it."""
        req.context.policy.allow("placement:resource_providers:inventories:show")
        with self._env.fresh(req) as snapshot:
            provider = known(snapshot, provider_id)
        if name not in provider.inventories:
            raise NotFound(f"No inventory of class {name[:255]} for {provider.id}")
        answer(req, resp, _one_body(provider, name), changed_at(provider))

    def on_put(self, req: Request, resp: falcon.Response, provider_id: str, name: str) -> None:
        """Change it."""
        call = req.context
        call.policy.allow("placement:resource_providers:inventories:update")
        body = _PUT_ONE.read(req)
        with self._env.fresh(req) as snapshot:
            provider = known(snapshot, provider_id)
        inventory = inventory_of(body)
        check_reserved(provider.id, name, inventory, call.version)
        if name not in provider.inventories:
            raise Invalid(
                f"Unable to update inventory for resource provider {provider.id}: "
                f"No inventory record with resource class {name[:255]}."
            )
        changed = self._env.conductor.put_inventories(
            call.caller,
            PutInventories(
                provider_id=provider.id,
                inventories={name: inventory},
                generation=body["resource_provider_generation"],
                only=(name,),
                must_exist=True,
            ),
        )
        answer(req, resp, _one_body(changed, name), changed_at(changed))

    def on_delete(self, req: Request, resp: falcon.Response, provider_id: str, name: str) -> None:
        """Delete it."""
        call = req.context
        call.policy.allow("placement:resource_providers:inventories:delete")
        with self._env.fresh(req) as snapshot:
            provider = known(snapshot, provider_id)
        if name not in provider.inventories:
            raise NotFound(f"No inventory of class {name[:255]} found for delete")
        self._env.conductor.put_inventories(
            call.caller,
            PutInventories(provider_id=provider.id, only=(name,), must_exist=True),
        )
        resp.status = falcon.HTTP_204


class ProviderUsages(Resource):
    """How much of a provider is used."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, provider_id: str) -> None:
        """Show it by resource class."""
        req.context.policy.allow("placement:resource_providers:usages")
        with self._env.fresh(req) as snapshot:
            provider = known(snapshot, provider_id)
        body = {
            "resource_provider_generation": provider.generation,
            "usages": {name: each.used for name, each in provider.inventories.items()},
        }
        answer(req, resp, body)
