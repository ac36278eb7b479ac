"""What the placement service answers over RPC: candidates."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Protocol

from nova_clone.domain import errors
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.resources import Amounts, RequestGroup
from nova_clone.rpc.contract import call, contract


@dataclasses.dataclass(frozen=True, kw_only=True)
class CandidateQuery:
    """Ask for places where `groups` fit together.

    ``limit`` 0 means no limit. ``same_subtree`` lists groups of suffixes;
    ``root_required`` and ``root_forbidden`` are traits of the root provider.
    """

    groups: tuple[RequestGroup, ...]
    group_policy: str | None = None
    limit: int = 0
    same_subtree: tuple[tuple[str, ...], ...] = ()
    root_required: frozenset[str] = frozenset()
    root_forbidden: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShapePart:
    """What one of a candidate's providers gives, and to which request groups."""

    resources: Amounts
    suffixes: tuple[str, ...] = ("",)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Candidate:
    """One way to place the request: provider ``providers[i]`` gives shape part ``i``."""

    root_id: str
    shape: int
    providers: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProviderSummary:
    """Capacity and use of a tree's root provider; ``resources`` maps class to both."""

    id: str
    name: str
    generation: int
    resources: Mapping[str, tuple[int, int]]
    traits: tuple[str, ...] = ()
    consumers: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Candidates:
    """Candidates in compact form: shapes are said once and referred to by index.

    ``removed`` explains an empty or short answer: reason → number of root providers.
    """

    sequence: int
    shapes: tuple[tuple[ShapePart, ...], ...] = ()
    candidates: tuple[Candidate, ...] = ()
    roots: tuple[ProviderSummary, ...] = ()
    considered: int = 0
    removed: Mapping[str, int] = dataclasses.field(default_factory=dict)


@contract(topic="placement", version="1.0")
class PlacementContract(Protocol):
    """Placement, as the scheduler sees it."""

    @call(since="1.0", timeout=12, raises=(errors.Invalid, errors.Unavailable))
    def candidates(self, context: RequestContext, request: CandidateQuery, /) -> Candidates:
        """Return where a request fits, consistent with every acknowledged write."""
