"""Small random trees of providers, requests for them, and what naive search finds."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from nova_clone.contracts.placement import CandidateQuery
from nova_clone.contracts.placement_store import PlacementChanges
from nova_clone.domain.resources import Inventory, Provider, RequestGroup
from nova_clone.placement.candidates import Found
from nova_clone.placement.snapshot import SHARING_TRAIT, Snapshot

CLASSES = ("VCPU", "DISK_GB", "CUSTOM_X")
TRAITS = ("T1", "T2", "T3")
AGGREGATES = ("a1", "a2")

#: Root, allocations, and groups with the providers that satisfy them.
Answer = tuple[str, frozenset[Any], frozenset[Any]]


@st.composite
def providers(draw: st.DrawFn) -> tuple[Provider, ...]:
    """Up to six providers in a few trees, some of them sharing."""
    count = draw(st.integers(2, 6))
    made: list[Provider] = []
    for number in range(count):
        parent = draw(st.sampled_from((None, *made, *made)))
        shares = parent is None and number > 0 and draw(st.booleans())
        traits = draw(st.sets(st.sampled_from(TRAITS), max_size=2))
        identity = f"p{number}"
        made.append(
            Provider(
                id=identity,
                name=identity,
                parent_id=None if parent is None else parent.id,
                root_id=identity if parent is None else parent.root_id,
                inventories=draw(
                    st.dictionaries(st.sampled_from(CLASSES), inventories(), min_size=2)
                ),
                traits=tuple(sorted(traits | ({SHARING_TRAIT} if shares else set()))),
                aggregates=tuple(sorted(draw(st.sets(st.sampled_from(AGGREGATES), max_size=2)))),
            )
        )
    return tuple(made)


def inventories() -> st.SearchStrategy[Inventory]:
    """Small inventories, some of them odd to cut or partly used."""
    return st.builds(
        Inventory,
        total=st.integers(2, 4),
        max_unit=st.integers(2, 4),
        step_size=st.sampled_from((1, 1, 1, 2)),
        used=st.sampled_from((0, 0, 1)),
    )


def amounts(*, least: int, most: int = 2) -> st.SearchStrategy[dict[str, int]]:
    """Amounts of a few classes."""
    sizes = st.sampled_from((1, 1, 2))
    return st.dictionaries(st.sampled_from(CLASSES), sizes, min_size=least, max_size=most)


def groups(suffix: str, *, resources: st.SearchStrategy[Any]) -> st.SearchStrategy[RequestGroup]:
    """Request groups of one suffix."""
    some = st.frozensets(st.sampled_from(TRAITS), min_size=1, max_size=2)
    among = st.frozensets(st.sampled_from(AGGREGATES), min_size=1, max_size=2)
    return st.builds(
        RequestGroup,
        suffix=st.just(suffix),
        resources=resources,
        required=_seldom(some, most=2).map(tuple),
        forbidden=_seldom(st.sampled_from(TRAITS)).map(frozenset),
        member_of=_seldom(among).map(tuple),
        forbidden_aggregates=_seldom(st.sampled_from(AGGREGATES)).map(frozenset),
        in_tree=_seldom(st.sampled_from(("p0", "p1", "p2", "nowhere"))).map(
            lambda named: named[0] if named else None
        ),
    )


def _seldom(each: st.SearchStrategy[Any], *, most: int = 1) -> st.SearchStrategy[list[Any]]:
    """A few of `each`, but mostly none: too many wishes leave nothing to be found."""
    some = st.lists(each, min_size=1, max_size=most)
    # Equal branches of `one_of` count as one, so the odds are drawn before.
    return st.sampled_from(range(8)).flatmap(lambda drawn: some if drawn == 7 else st.just([]))


@st.composite
def queries(draw: st.DrawFn) -> CandidateQuery:
    """Requests of one to five groups, in all ways that they can be tied together."""
    chosen = []
    count = draw(st.integers(0, 4))
    # Of many groups the unsuffixed one would make the naive search too long.
    if not count or (count < 3 and draw(st.booleans())):
        chosen.append(draw(groups("", resources=amounts(least=1))))
    alike = draw(st.booleans())
    for suffix in ("_A", "_B", "_C", "_D")[:count]:
        if alike and suffix in ("_B", "_D"):
            chosen.append(dataclasses.replace(chosen[-1], suffix=suffix))
            continue
        resources = amounts(least=1 if suffix == "_A" else 0, most=1)
        chosen.append(draw(groups(suffix, resources=resources)))
    suffixes = [group.suffix for group in chosen if group.suffix]
    some = st.lists(st.sampled_from(suffixes), min_size=1, unique=True).map(tuple)
    some_aggregate = st.sampled_from(AGGREGATES)
    return CandidateQuery(
        groups=tuple(chosen),
        group_policy=draw(st.sampled_from((None, "none", "isolate"))),
        same_subtree=tuple(draw(st.lists(some, max_size=2))) if suffixes[1:] else (),
        root_required=frozenset(draw(_seldom(st.sampled_from(TRAITS)))),
        root_forbidden=frozenset(draw(_seldom(st.sampled_from(TRAITS)))),
        root_member_of=tuple(frozenset({name}) for name in draw(_seldom(some_aggregate))),
        root_forbidden_aggregates=frozenset(draw(_seldom(some_aggregate))),
    )


def snapshot_of(made: Sequence[Provider]) -> Snapshot:
    """Return a snapshot of these providers."""
    snapshot = Snapshot()
    snapshot.apply(PlacementChanges(sequence=1, reset=True, providers=tuple(made)))
    return snapshot


def plain(found: Found) -> list[Answer]:
    """Return candidates without their compression."""
    answers = []
    for candidate in found.candidates:
        parts = found.shapes[candidate.shape]
        held = frozenset(
            (provider, frozenset(part.resources.items()))
            for provider, part in zip(candidate.providers, parts, strict=True)
            if part.resources
        )
        groups_of = frozenset(
            (suffix, provider)
            for provider, part in zip(candidate.providers, parts, strict=True)
            for suffix in part.suffixes
        )
        answers.append((candidate.root_id, held, groups_of))
    return answers


def naive(made: Sequence[Provider], query: CandidateQuery) -> list[Answer]:
    """Try every provider for every part of a request, tree by tree."""
    by_id = {provider.id: provider for provider in made}
    answers = []
    for root in made:
        if root.parent_id is not None or not _root_fits(root, query):
            continue
        if not _tree_is_meant(root, query, by_id):
            continue
        tree = [provider for provider in made if provider.root_id == root.id]
        pool = [*tree, *(each for each in made if _shares_with(each, tree))]
        for chosen in _assignments(query, pool):
            if _holds(chosen, query, by_id, tree):
                answers.append(_answer(root, chosen))
    return answers


#: Which provider gives what to which group: (suffix, class or None) → provider id.
Assignment = Mapping[tuple[str, str | None], str]


def _assignments(query: CandidateQuery, pool: Sequence[Provider]) -> Iterator[tuple[Any, ...]]:
    parts: list[tuple[RequestGroup, dict[str, int]]] = []
    for group in query.groups:
        if group.suffix:
            parts.append((group, dict(group.resources)))
        else:
            parts += [(group, {name: amount}) for name, amount in group.resources.items()]
    choices = [[each for each in pool if _gives(each, wanted)] for _, wanted in parts]
    for choice in itertools.product(*choices):
        yield tuple(zip(parts, choice, strict=True))


def _tree_is_meant(root: Provider, query: CandidateQuery, by_id: Mapping[str, Provider]) -> bool:
    for group in query.groups:
        if not group.suffix and group.in_tree is not None:
            named = by_id.get(group.in_tree)
            return named is not None and named.root_id == root.id
    return True


def _root_fits(root: Provider, query: CandidateQuery) -> bool:
    traits, aggregates = set(root.traits), set(root.aggregates)
    return (
        query.root_required <= traits
        and not query.root_forbidden & traits
        and all(wanted & aggregates for wanted in query.root_member_of)
        and not query.root_forbidden_aggregates & aggregates
    )


def _shares_with(each: Provider, tree: Sequence[Provider]) -> bool:
    common = {name for provider in tree for name in provider.aggregates}
    inside = {provider.id for provider in tree}
    return (
        SHARING_TRAIT in each.traits
        and each.id not in inside
        and bool(common & set(each.aggregates))
    )


def _holds(
    chosen: Sequence[Any], query: CandidateQuery, by_id: Mapping[str, Provider], tree: Any
) -> bool:
    inside = {provider.id for provider in tree}
    if not any(provider.id in inside for _, provider in chosen):
        return False
    total: dict[str, Counter[str]] = {}
    for (_, wanted), provider in chosen:
        total.setdefault(provider.id, Counter()).update(wanted)
        if not _gives(provider, wanted):
            return False
    if not all(_gives(by_id[key], wanted) for key, wanted in total.items()):
        return False
    return (
        all(_group_holds(group, chosen, tree) for group in query.groups)
        and _isolated(chosen, query)
        and all(_subtree(chosen, suffixes, by_id) for suffixes in query.same_subtree)
    )


def _gives(provider: Provider, wanted: Mapping[str, int]) -> bool:
    for name, amount in wanted.items():
        inventory = provider.inventories.get(name)
        if inventory is None or not inventory.min_unit <= amount <= inventory.max_unit:
            return False
        if amount % inventory.step_size or inventory.used + amount > inventory.total:
            return False
    return True


def _group_holds(group: RequestGroup, chosen: Sequence[Any], tree: Sequence[Provider]) -> bool:
    givers = [provider for (other, _), provider in chosen if other.suffix == group.suffix]
    traits = {trait for provider in givers for trait in provider.traits}
    if any(not alternatives & traits for alternatives in group.required):
        return False
    named = {provider.id for provider in tree} & {group.in_tree}
    for provider in givers:
        if named and provider not in tree:
            return False
        if group.in_tree is not None and not named and provider.id != group.in_tree:
            return False
        if group.forbidden & set(provider.traits):
            return False
        aggregates = set(provider.aggregates)
        if not group.suffix and provider in tree:
            aggregates |= set(tree[0].aggregates)
        if group.forbidden_aggregates & aggregates:
            return False
        if any(not alternatives & aggregates for alternatives in group.member_of):
            return False
    return True


def _isolated(chosen: Sequence[Any], query: CandidateQuery) -> bool:
    if query.group_policy != "isolate":
        return True
    places = [provider.id for (group, _), provider in chosen if group.suffix]
    return len(set(places)) == len(places)


def _subtree(chosen: Sequence[Any], suffixes: Sequence[str], by_id: Mapping[str, Provider]) -> bool:
    places = {provider.id for (group, _), provider in chosen if group.suffix in suffixes}
    return any(all(top in _ancestry(place, by_id) for place in places) for top in places)


def _ancestry(place: str, by_id: Mapping[str, Provider]) -> set[str]:
    found = set()
    current: str | None = place
    while current is not None:
        found.add(current)
        current = by_id[current].parent_id
    return found


def _answer(root: Provider, chosen: Sequence[Any]) -> Answer:
    total: dict[str, Counter[str]] = {}
    for (_, wanted), provider in chosen:
        total.setdefault(provider.id, Counter()).update(wanted)
    held = frozenset((key, frozenset(wanted.items())) for key, wanted in total.items() if wanted)
    groups_of = frozenset((group.suffix, provider.id) for (group, _), provider in chosen)
    return (root.id, held, groups_of)
