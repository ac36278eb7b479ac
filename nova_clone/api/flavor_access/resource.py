"""``/flavors/{flavor_id}/os-flavor-access`` and the actions that change it."""

from __future__ import annotations

from typing import Any, Final

import falcon

from nova_clone.api.environment import Environment
from nova_clone.api.flavor_access import policy
from nova_clone.api.queries import NO_PARAMETERS
from nova_clone.contracts.flavors import FlavorAccess, FlavorProjects, FlavorRef
from nova_clone.domain.errors import Conflict, NotFound
from nova_clone.web.actions import Action, ActionDispatcher
from nova_clone.web.call import Request
from nova_clone.web.requests import Field, Object
from nova_clone.web.schemas import string
from nova_clone.web.versions import Version

_TENANT: Final = Object(Field("tenant", string(1, 255), required=True))
_PUBLIC_REFUSED_SINCE: Final = Version(2, 7)


class FlavorAccessList:
    """The projects that may use a private flavor."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, flavor_id: str) -> None:
        """List them; 404 for a public flavor."""
        call = req.context
        NO_PARAMETERS.read(req)
        call.policy.allow(policy.LIST)
        flavor = self._env.conductor.show_flavor(call.caller, FlavorRef(id=flavor_id))
        if flavor.public:
            raise NotFound("Access list not available for public flavors.")
        found = self._env.conductor.flavor_access(call.caller, FlavorRef(id=flavor_id))
        resp.media = _body(flavor_id, found)


def flavor_actions(env: Environment) -> ActionDispatcher:
    """Return the resource at ``/flavors/{flavor_id}/action``."""

    def add(req: Request, resp: falcon.Response, value: Any, flavor_id: str) -> None:
        call = req.context
        call.policy.allow(policy.ADD)
        flavor = env.conductor.show_flavor(call.caller, FlavorRef(id=flavor_id))
        if flavor.public and call.version >= _PUBLIC_REFUSED_SINCE:
            raise Conflict("Can not add access to a public flavor.")
        request = FlavorAccess(id=flavor_id, project_id=value["tenant"], grant=True)
        resp.media = _body(flavor_id, env.conductor.change_flavor_access(call.caller, request))

    def remove(req: Request, resp: falcon.Response, value: Any, flavor_id: str) -> None:
        call = req.context
        call.policy.allow(policy.REMOVE)
        request = FlavorAccess(id=flavor_id, project_id=value["tenant"], grant=False)
        resp.media = _body(flavor_id, env.conductor.change_flavor_access(call.caller, request))

    return ActionDispatcher(
        Action(name="addTenantAccess", handler=add, request=_TENANT),
        Action(name="removeTenantAccess", handler=remove, request=_TENANT),
    )


def _body(flavor_id: str, found: FlavorProjects) -> dict[str, Any]:
    return {
        "flavor_access": [
            {"flavor_id": flavor_id, "tenant_id": project_id} for project_id in found.project_ids
        ]
    }
