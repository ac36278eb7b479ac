"""What the placement service answers over RPC: candidates."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from nova_clone.domain import errors
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.resources import Amounts, RequestGroup
from nova_clone.rpc.contract import call, contract


@dataclasses.dataclass(frozen=True, kw_only=True)
class CandidateQuery:
    """Ask for places where `groups` fit together.

    ``limit`` 0 means no limit. ``same_subtree`` lists groups of suffixes;
    ``root_required`` and ``root_forbidden`` are traits of the root provider, and
    ``root_member_of`` and ``root_forbidden_aggregates`` its aggregates. ``distinct`` leaves
    out candidates that differ from others only in which group gets what.
    """

    groups: tuple[RequestGroup, ...]
    group_policy: str | None = None
    limit: int = 0
    same_subtree: tuple[tuple[str, ...], ...] = ()
    root_required: frozenset[str] = frozenset()
    root_forbidden: frozenset[str] = frozenset()
    root_member_of: tuple[frozenset[str], ...] = ()
    root_forbidden_aggregates: frozenset[str] = frozenset()
    distinct: bool = False


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

    @functools.cached_property
    def kind(self) -> tuple[tuple[str, int], ...]:
        """Return the capacities, which many providers have alike."""
        return tuple((name, capacity) for name, (capacity, _used) in self.resources.items())

    @functools.cached_property
    def used(self) -> tuple[int, ...]:
        """Return what is used of each class of the kind."""
        return tuple(used for _capacity, used in self.resources.values())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Candidates:
    """Candidates in compact form: what repeats is said once and referred to by its index.

    ``ids`` names every provider, first those of ``summaries``, in their order. A row of
    ``rows`` is a shape, a root, and the providers unless they are just the root. A row of
    ``summaries`` is generation, consumers, kind, set of traits, and then the use of each class
    of the kind. ``kinds`` maps classes to capacities. ``room`` is what is left, by class, of
    each provider behind those of ``summaries``, and ``beside`` their names. `of` packs;
    `candidates` and `roots` are the same things unpacked.
    ``removed`` explains an empty or short answer: reason → number of root providers.
    """

    sequence: int
    shapes: tuple[tuple[ShapePart, ...], ...] = ()
    ids: tuple[str, ...] = ()
    rows: tuple[tuple[int, ...], ...] = ()
    names: tuple[str, ...] = ()
    kinds: tuple[Mapping[str, int], ...] = ()
    trait_sets: tuple[tuple[str, ...], ...] = ()
    summaries: tuple[tuple[int, ...], ...] = ()
    room: tuple[Mapping[str, int], ...] = ()
    beside: tuple[str, ...] = ()
    considered: int = 0
    removed: Mapping[str, int] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(
        cls,
        candidates: Iterable[Candidate] = (),
        roots: Iterable[ProviderSummary] = (),
        **others: Any,
    ) -> Candidates:
        """Return these candidates and summaries, packed; `others` are fields as they are."""
        told = tuple(roots)
        kinds: dict[tuple[tuple[str, int], ...], int] = {}
        trait_sets: dict[tuple[str, ...], int] = {}
        ids = {root.id: number for number, root in enumerate(told)}
        summaries = tuple(
            (
                root.generation,
                root.consumers,
                kinds.setdefault(root.kind, len(kinds)),
                trait_sets.setdefault(root.traits, len(trait_sets)),
                *root.used,
            )
            for root in told
        )
        rows: list[tuple[int, ...]] = []
        for candidate in candidates:
            root_id, providers = candidate.root_id, candidate.providers
            root = ids.setdefault(root_id, len(ids))
            if len(providers) == 1 and providers[0] == root_id:
                rows.append((candidate.shape, root))
                continue
            places = [ids.setdefault(each, len(ids)) for each in providers]
            rows.append((candidate.shape, root, *places))
        return cls(
            ids=tuple(ids),
            rows=tuple(rows),
            names=tuple(root.name for root in told),
            kinds=tuple(dict(kind) for kind in kinds),
            trait_sets=tuple(trait_sets),
            summaries=summaries,
            **others,
        )

    @functools.cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """Return every candidate, in the order in which they were found."""
        ids = self.ids
        return tuple(
            Candidate(
                root_id=ids[root],
                shape=shape,
                providers=tuple(ids[place] for place in places or (root,)),
            )
            for shape, root, *places in self.rows
        )

    @functools.cached_property
    def roots(self) -> tuple[ProviderSummary, ...]:
        """Return a summary of each root provider that has candidates."""
        return tuple(self.root(number) for number in range(len(self.summaries)))

    def root(self, number: int) -> ProviderSummary:
        """Return one of `roots` by its position, without making the others."""
        generation, consumers, kind, traits, *used = self.summaries[number]
        capacities = self.kinds[kind]
        return ProviderSummary(
            id=self.ids[number],
            name=self.names[number],
            generation=generation,
            resources={
                name: (capacities[name], amount)
                for name, amount in zip(capacities, used, strict=True)
            },
            traits=self.trait_sets[traits],
            consumers=consumers,
        )


@contract(topic="placement", version="1.0")
class PlacementContract(Protocol):
    """Placement, as the scheduler sees it."""

    @call(since="1.0", timeout=12, raises=(errors.Invalid, errors.Unavailable))
    def candidates(self, context: RequestContext, request: CandidateQuery, /) -> Candidates:
        """Return where a request fits, consistent with every acknowledged write."""
