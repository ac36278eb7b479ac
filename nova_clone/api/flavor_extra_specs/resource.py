"""``/flavors/{flavor_id}/os-extra_specs``."""

from __future__ import annotations

import falcon

from nova_clone.api.environment import Environment
from nova_clone.api.flavor_extra_specs import policy, requests
from nova_clone.api.queries import NO_PARAMETERS
from nova_clone.contracts.flavors import FlavorRef, UpdateFlavor
from nova_clone.domain.errors import Invalid, NotFound
from nova_clone.web.call import Request


class ExtraSpecs:
    """All extra specs of a flavor."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, flavor_id: str) -> None:
        """List them."""
        call = req.context
        NO_PARAMETERS.read(req)
        call.policy.allow(policy.INDEX)
        flavor = self._env.conductor.show_flavor(call.caller, FlavorRef(id=flavor_id))
        resp.media = {"extra_specs": flavor.extra_specs}

    def on_post(self, req: Request, resp: falcon.Response, flavor_id: str) -> None:
        """Set several."""
        call = req.context
        asked = requests.CREATE.read(req)["extra_specs"]
        call.policy.allow(policy.CREATE)
        specs = {name: str(value) for name, value in asked.items()}
        request = UpdateFlavor(id=flavor_id, set_specs=specs)
        self._env.conductor.update_flavor(call.caller, request)
        resp.media = {"extra_specs": specs}


class ExtraSpec:
    """One extra spec of a flavor."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, flavor_id: str, key: str) -> None:
        """Show it."""
        call = req.context
        NO_PARAMETERS.read(req)
        call.policy.allow(policy.SHOW)
        flavor = self._env.conductor.show_flavor(call.caller, FlavorRef(id=flavor_id))
        if key not in flavor.extra_specs:
            raise NotFound(f"Flavor {flavor_id} has no extra specs with key {key[:255]}.")
        resp.media = {key: flavor.extra_specs[key]}

    def on_put(self, req: Request, resp: falcon.Response, flavor_id: str, key: str) -> None:
        """Set it."""
        call = req.context
        asked = requests.UPDATE.read(req)
        call.policy.allow(policy.UPDATE)
        if key not in asked:
            raise Invalid("Request body and URI mismatch")
        specs = {key: str(asked[key])}
        request = UpdateFlavor(id=flavor_id, set_specs=specs)
        self._env.conductor.update_flavor(call.caller, request)
        resp.media = specs

    def on_delete(self, req: Request, resp: falcon.Response, flavor_id: str, key: str) -> None:
        """Delete it."""
        call = req.context
        NO_PARAMETERS.read(req)
        call.policy.allow(policy.DELETE)
        request = UpdateFlavor(id=flavor_id, drop_spec=key)
        self._env.conductor.update_flavor(call.caller, request)
        resp.status = falcon.HTTP_200
