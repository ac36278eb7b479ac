"""``/traits`` and one of them."""

from __future__ import annotations

import re
from typing import Final

import falcon

from nova_clone.contracts.placement_store import NameRef
from nova_clone.domain.errors import Invalid, NotFound
from nova_clone.placement.names import CUSTOM, standard_traits
from nova_clone.placement.snapshot import Snapshot
from nova_clone.placement.web.environment import Environment
from nova_clone.placement.web.forms import Search
from nova_clone.placement.web.resource import Resource, answer, location, stamp
from nova_clone.web.call import Request
from nova_clone.web.query import Param

_NAME: Final = re.compile(rf"(?=.{{1,255}}\Z){CUSTOM}[A-Z0-9_]+")
_LIST: Final = Search(Param("name"), Param("associated"))


class Traits(Resource):
    """All traits, standard and custom."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List those that pass the filters."""
        req.context.policy.allow("placement:traits:list")
        wanted = _LIST.read(req)
        with self._env.fresh(req) as snapshot:
            names = standard_traits() | snapshot.traits.keys()
            associated = wanted.last("associated")
            if associated is not None:
                names = _associated(snapshot, names, associated)
        pattern = wanted.last("name")
        if pattern is not None:
            names = _named(names, pattern)
        answer(req, resp, {"traits": sorted(names)})


class OneTrait(Resource):
    """One trait, which has nothing but its name."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response, name: str) -> None:
        """Tell whether there is such a trait."""
        req.context.policy.allow("placement:traits:show")
        with self._env.fresh(req) as snapshot:
            if not snapshot.has_trait(name):
                raise NotFound(f"No such trait(s): {name[:255]}.")
            record = snapshot.traits.get(name)
        resp.status = falcon.HTTP_204
        stamp(req, resp, record.updated_at if record is not None else None)

    def on_put(self, req: Request, resp: falcon.Response, name: str) -> None:
        """Make sure of a custom trait."""
        call = req.context
        call.policy.allow("placement:traits:update")
        if _NAME.fullmatch(name) is None:
            raise Invalid(
                "The trait is invalid. A valid trait must be no longer than 255 characters, "
                f'start with the prefix "{CUSTOM}" and use following characters: '
                '"A"-"Z", "0"-"9" and "_"'
            )
        ensured = self._env.conductor.ensure_trait(call.caller, NameRef(name=name))
        resp.status = falcon.HTTP_201 if ensured.created else falcon.HTTP_204
        resp.set_header("location", location(req, "traits", name))
        stamp(req, resp)

    def on_delete(self, req: Request, resp: falcon.Response, name: str) -> None:
        """Delete a custom trait that no provider has."""
        req.context.policy.allow("placement:traits:delete")
        self._env.conductor.delete_trait(req.context.caller, NameRef(name=name))
        resp.status = falcon.HTTP_204


def _associated(snapshot: Snapshot, names: frozenset[str], wanted: str) -> frozenset[str]:
    used = frozenset().union(*(provider.traits for provider in snapshot.providers.values()))
    if wanted.lower() == "true":
        return names & used
    if wanted.lower() == "false":
        return names - used
    raise Invalid(
        f'The query parameter "associated" only accepts "true" or "false". Got: "{wanted[:80]}"'
    )


def _named(names: frozenset[str], pattern: str) -> frozenset[str]:
    how, colon, what = pattern.partition(":")
    if colon and how == "in":
        return names.intersection(what.split(","))
    if colon and how == "startswith":
        return frozenset(name for name in names if name.startswith(what))
    raise Invalid(
        "Badly formatted name parameter. Expected name query string parameter in form: "
        f'?name=[in|startswith]:[name1,name2|prefix]. Got: "{pattern[:200]}"'
    )
