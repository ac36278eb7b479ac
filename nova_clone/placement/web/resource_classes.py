"""``/resource_classes`` and one of them."""

from __future__ import annotations

import re
from typing import Any, Final

import falcon

from nova_clone.contracts.placement_store import NameRef, RenameClass
from nova_clone.domain.errors import AlreadyExists, Invalid, NotFound
from nova_clone.placement.names import CUSTOM, STANDARD_CLASSES, standard_classes
from nova_clone.placement.web.environment import Environment
from nova_clone.placement.web.forms import Form
from nova_clone.placement.web.history import since
from nova_clone.placement.web.resource import Resource, answer, location
from nova_clone.web.call import Request
from nova_clone.web.requests import Field, Object
from nova_clone.web.schemas import string

_PATTERN: Final = f"^{CUSTOM}[A-Z0-9_]+$"
_NAME: Final = re.compile(rf"(?=.{{1,255}}\Z){CUSTOM}[A-Z0-9_]+")
_BODY: Final = Form(Object(Field("name", string(1, 255, pattern=_PATTERN), required=True)))
_ENSURED: Final = since("1.7")


def _body(req: Request, name: str) -> dict[str, Any]:
    path = f"{req.root_path}/resource_classes/{name}"
    return {"name": name, "links": [{"rel": "self", "href": path}]}


class ResourceClasses(Resource):
    """All resource classes, standard and custom."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List them."""
        req.context.policy.allow("placement:resource_classes:list")
        with self._env.fresh(req) as snapshot:
            names = (*STANDARD_CLASSES, *snapshot.classes)
        answer(req, resp, {"resource_classes": [_body(req, name) for name in names]})

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        """Make a custom class."""
        call = req.context
        call.policy.allow("placement:resource_classes:create")
        name = _BODY.read(req)["name"]
        ensured = self._env.conductor.ensure_resource_class(call.caller, NameRef(name=name))
        if not ensured.created:
            raise AlreadyExists(f"Conflicting resource class already exists: {name}")
        resp.status = falcon.HTTP_201
        resp.set_header("location", location(req, "resource_classes", name))


class OneResourceClass(Resource):
    """One resource class."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, name: str) -> None:
        """Show it."""
        req.context.policy.allow("placement:resource_classes:show")
        with self._env.fresh(req) as snapshot:
            if not snapshot.has_class(name):
                raise _unknown(name)
            record = snapshot.classes.get(name)
        answer(req, resp, _body(req, name), record.updated_at if record is not None else None)

    def on_put(self, req: Request, resp: falcon.Response, name: str) -> None:
        """Make sure of a custom class; the oldest versions rename one."""
        req.context.policy.allow("placement:resource_classes:update")
        if _ENSURED.holds(req.context.version):
            self._ensure(req, resp, name)
        else:
            self._rename(req, resp, name)

    def on_delete(self, req: Request, resp: falcon.Response, name: str) -> None:
        """Delete a custom class that no inventory is of."""
        req.context.policy.allow("placement:resource_classes:delete")
        if name in standard_classes():
            raise Invalid(
                f"Error in delete resource class: Cannot delete standard resource class {name}"
            )
        self._env.conductor.delete_resource_class(req.context.caller, NameRef(name=name))
        resp.status = falcon.HTTP_204

    def _ensure(self, req: Request, resp: falcon.Response, name: str) -> None:
        if _NAME.fullmatch(name) is None:
            raise Invalid(
                f"JSON does not validate: '{name[:255]}' does not match '{_PATTERN}', or is "
                f"longer than 255 characters\n\n"
                f"Failed validating '{'pattern' if len(name) < 256 else 'maxLength'}'"
            )
        ensured = self._env.conductor.ensure_resource_class(req.context.caller, NameRef(name=name))
        resp.status = falcon.HTTP_201 if ensured.created else falcon.HTTP_204
        resp.set_header("location", location(req, "resource_classes", name))

    def _rename(self, req: Request, resp: falcon.Response, name: str) -> None:
        new_name = _BODY.read(req)["name"]
        with self._env.fresh(req) as snapshot:
            if not snapshot.has_class(name):
                raise _unknown(name)
        if name in standard_classes():
            raise Invalid(f"Cannot update standard resource class {name}")
        self._env.conductor.rename_resource_class(
            req.context.caller, RenameClass(name=name, new_name=new_name)
        )
        answer(req, resp, _body(req, new_name))


def _unknown(name: str) -> NotFound:
    return NotFound(f"No such resource class: {name[:255]}")
