"""``/usages``: what a project uses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import falcon

from nova_clone.contracts.placement_store import ConsumerUsage, UsageQuery
from nova_clone.placement.web.allocations import UNKNOWN
from nova_clone.placement.web.environment import Environment
from nova_clone.placement.web.filters import bad_query
from nova_clone.placement.web.forms import OWNER, Search
from nova_clone.placement.web.history import since
from nova_clone.placement.web.resource import Resource, answer
from nova_clone.web.call import Request
from nova_clone.web.query import Param
from nova_clone.web.schemas import string

_ALL: Final = "all"
_QUERY: Final = Search(
    Param("project_id", OWNER, single=True),
    Param("user_id", OWNER, single=True),
    Param(
        "consumer_type",
        string(1, 255, pattern=f"^([A-Z0-9_]+|{_ALL}|{UNKNOWN})$"),
        since="1.38",
        single=True,
    ),
)
_BY_TYPE: Final = since("1.38")


class Usages(Resource):
    """The use of a project, or of one user in it."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """Show it by resource class, from 1.38 on by type of consumer, too."""
        call = req.context
        wanted = _QUERY.read(req)
        project_id = wanted.last("project_id")
        call.policy.allow("placement:usages", {"project_id": project_id})
        if project_id is None:
            raise bad_query(
                "'project_id' is a required property\n\nFailed validating 'required' in schema"
            )
        query = UsageQuery(project_id=project_id, user_id=wanted.last("user_id"))
        found = self._env.conductor.usages(call.caller, query).usages
        if _BY_TYPE.holds(call.version):
            body = _by_type(found, wanted.last("consumer_type"))
        else:
            body = dict(_total(found))
        answer(req, resp, {"usages": body})


def _total(found: Iterable[ConsumerUsage]) -> Counter[str]:
    total: Counter[str] = Counter()
    for usage in found:
        total.update(usage.resources)
    return total


def _by_type(found: Iterable[ConsumerUsage], wanted: str | None) -> dict[str, Any]:
    groups: dict[str, list[ConsumerUsage]] = {}
    for usage in found:
        kind = usage.consumer_type or UNKNOWN
        if wanted == _ALL:
            kind = _ALL
        if wanted in (None, _ALL, kind):
            groups.setdefault(kind, []).append(usage)
    return {
        kind: {"consumer_count": sum(usage.consumers for usage in group), **_total(group)}
        for kind, group in groups.items()
    }
