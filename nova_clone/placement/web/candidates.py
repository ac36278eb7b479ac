"""``/allocation_candidates``: where a request fits."""

from __future__ import annotations

import dataclasses
import functools
import logging
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import falcon

from nova_clone.contracts.placement import CandidateQuery, ShapePart
from nova_clone.domain.resources import Provider
from nova_clone.placement import candidates
from nova_clone.placement.names import CUSTOM
from nova_clone.placement.snapshot import Snapshot
from nova_clone.placement.web import candidate_query
from nova_clone.placement.web.environment import Environment
from nova_clone.placement.web.filters import check_classes, check_traits
from nova_clone.placement.web.history import since
from nova_clone.placement.web.resource import Resource, answer
from nova_clone.web.call import Request
from nova_clone.web.query import split
from nova_clone.web.rows import Row, Rows
from nova_clone.web.versions import Version

_LOG = logging.getLogger(__name__)
_KEYED: Final = since("1.12")
_ALL_CLASSES: Final = since("1.27")
_TREES: Final = since("1.29")
_MAPPINGS: Final = since("1.34")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answered:
    """A candidate with its shape looked up."""

    providers: Sequence[str]
    parts: Sequence[ShapePart]

    def amounts(self) -> list[tuple[str, Mapping[str, int]]]:
        """Return what each provider gives; one may only lend its traits."""
        pairs = zip(self.providers, self.parts, strict=True)
        return [(provider_id, part.resources) for provider_id, part in pairs if part.resources]

    def mappings(self) -> dict[str, list[str]]:
        """Return which providers satisfy which group."""
        found: dict[str, list[str]] = {}
        for provider_id, part in zip(self.providers, self.parts, strict=True):
            for suffix in part.suffixes:
                found.setdefault(suffix, []).append(provider_id)
        return found


def _resources(provider: Provider, asked: frozenset[str] | None) -> dict[str, Any]:
    return {
        name: {"capacity": each.capacity, "used": each.used}
        for name, each in provider.inventories.items()
        if asked is None or name in asked
    }


@functools.lru_cache(maxsize=1024)
def _ordered(traits: tuple[str, ...]) -> tuple[str, ...]:
    """Return standard traits before custom ones; few sets of them are said of all hosts."""
    return tuple(sorted(traits, key=lambda name: (name.startswith(CUSTOM), name)))


SUMMARY: Final[Rows[Provider, frozenset[str] | None]] = Rows(
    Row("resources", _resources),
    Row("traits", lambda provider, _: _ordered(provider.traits), since("1.17")),
    Row("parent_provider_uuid", lambda provider, _: provider.parent_id, since("1.29")),
    Row("root_provider_uuid", lambda provider, _: provider.root_id, since("1.29")),
)


class AllocationCandidates(Resource):
    """Where a request fits."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List candidates, and what is known of the providers in question."""
        version = req.context.version
        req.context.policy.allow("placement:allocation_candidates:list")
        query = candidate_query.read(split(req.query_string), version)
        asked = candidate_query.classes_of(query)
        with self._env.fresh(req) as snapshot:
            check_classes(snapshot, asked)
            check_traits(snapshot, candidate_query.traits_of(query))
            found = self._find(snapshot, query, version)
            shown = _summarised(snapshot, found, version)
        plan = SUMMARY.plan(version)
        classes = None if _ALL_CLASSES.holds(version) else asked
        body = {
            "allocation_requests": [_request_body(each, version) for each in found],
            "provider_summaries": {provider.id: plan(provider, classes) for provider in shown},
        }
        answer(req, resp, body)

    def _find(self, snapshot: Snapshot, query: CandidateQuery, version: Version) -> list[Answered]:
        settings = self._env.settings
        manner = candidates.Manner(
            strategy=settings.strategy,
            most=settings.max_candidates,
            rng=random.Random() if settings.randomize_candidates else None,  # noqa: S311
            flat=not _TREES.holds(version),
            distinct=not _MAPPINGS.holds(version),
        )
        found = candidates.find(snapshot, query, manner)
        if found.removed[candidates.GIVEN_UP]:
            _LOG.warning(
                "The search for candidates was given up in %d provider trees: "
                "too many ways failed.",
                found.removed[candidates.GIVEN_UP],
            )
        return [
            Answered(providers=each.providers, parts=found.shapes[each.shape])
            for each in found.candidates
        ]


def _summarised(snapshot: Snapshot, found: Iterable[Answered], version: Version) -> list[Provider]:
    """Return the providers of candidates, from 1.29 on with all of their trees."""
    involved = dict.fromkeys(provider_id for each in found for provider_id in each.providers)
    if not _TREES.holds(version):
        return [snapshot.providers[provider_id] for provider_id in involved]
    roots = dict.fromkeys(snapshot.providers[provider_id].root_id for provider_id in involved)
    trees = (snapshot.tree(root_id) for root_id in roots)
    return [member for tree in trees if tree is not None for member in tree.members]


def _request_body(each: Answered, version: Version) -> dict[str, Any]:
    if not _KEYED.holds(version):
        return {
            "allocations": [
                {"resource_provider": {"uuid": provider_id}, "resources": amounts}
                for provider_id, amounts in each.amounts()
            ]
        }
    body: dict[str, Any] = {
        "allocations": {
            provider_id: {"resources": amounts} for provider_id, amounts in each.amounts()
        }
    }
    if _MAPPINGS.holds(version):
        body["mappings"] = each.mappings()
    return body
