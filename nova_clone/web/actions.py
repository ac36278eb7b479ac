"""``POST …/action``: one body key names what is to be done."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import falcon

from nova_clone.domain.errors import Invalid, NotFound
from nova_clone.web.call import Request
from nova_clone.web.media import read_json
from nova_clone.web.requests import Body, Field, Lift, Node, Object
from nova_clone.web.schemas import ANY, Schema
from nova_clone.web.versions import Between, between

Handler = Callable[..., None]
"""Called as ``handler(req, resp, value, **path_parameters)``."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Action:
    """One action: the handler gets the value under the action's key, validated.

    `request` describes that value; a name may occur several times with spans
    of versions that do not overlap.
    """

    name: str
    handler: Handler
    request: Node | Schema = dataclasses.field(default_factory=lambda: ANY)
    since: str | None = None
    until: str | None = None
    lifts: tuple[Lift, ...] = ()


class _Prepared:
    __slots__ = ("body", "handler", "when")

    def __init__(self, action: Action) -> None:
        self.handler = action.handler
        self.when: Between = between(action.since, action.until)
        self.body = Body(
            Object(Field(action.name, action.request, required=True)), lifts=action.lifts
        )


class ActionDispatcher:
    """A resource that hands each action in its body to the action's handler."""

    def __init__(self, *actions: Action) -> None:
        self._actions: dict[str, list[_Prepared]] = {}
        for action in actions:
            prepared = _Prepared(action)
            same_name = self._actions.setdefault(action.name, [])
            if any(prepared.when.overlaps(other.when) for other in same_name):
                raise ValueError(f"action {action.name!r} is declared twice for one version")
            same_name.append(prepared)

    @property
    def spans(self) -> Mapping[str, tuple[Between, ...]]:
        """The spans of versions in which each action exists."""
        return {
            name: tuple(prepared.when for prepared in same_name)
            for name, same_name in self._actions.items()
        }

    def on_post(self, req: Request, resp: falcon.Response, **params: Any) -> None:
        """Run the one action named in the body; 400 for none, several or an unknown one."""
        call = req.context
        media = read_json(req)
        if not isinstance(media, dict) or len(media) != 1:
            raise Invalid("The body must be an object with exactly one key, the action.")
        (name,) = media
        same_name = self._actions.get(name)
        if same_name is None:
            raise Invalid(f"There is no such action: {name[:80]}.")
        chosen = next((one for one in same_name if one.when.holds(call.version)), None)
        if chosen is None:
            raise NotFound(f"API version {call.version} is not supported on this method.")
        value = chosen.body.parse(media, call.version, legacy=call.legacy)[name]
        chosen.handler(req, resp, value, **params)
