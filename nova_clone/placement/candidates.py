"""Inventories and request groups to allocation candidates. Pure: no I/O.

Semantics: the Placement API reference, "Allocation candidates". The unsuffixed group may be
spread over a tree, one provider per resource class; a suffixed group comes from one provider.
Sharing providers serve every tree that has an aggregate in common with them.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from nova_clone.contracts.placement import (
    Candidate,
    CandidateQuery,
    Candidates,
    ProviderSummary,
    ShapePart,
)
from nova_clone.domain.resources import Amounts, Provider, RequestGroup
from nova_clone.placement.snapshot import SHARING_TRAIT, Snapshot, Tree


@dataclasses.dataclass(frozen=True)
class Option:
    """One way to satisfy one group: provider id → amounts."""

    suffix: str
    amounts: Mapping[str, Amounts]


def find(snapshot: Snapshot, query: CandidateQuery) -> Candidates:
    """Return candidates for `query`, at most ``query.limit`` of them unless that is 0."""
    search = _Search(snapshot, query)
    for tree in search.trees():
        search.visit(tree)
        if search.full:
            break
    return search.answer()


class _Search:
    def __init__(self, snapshot: Snapshot, query: CandidateQuery) -> None:
        self.snapshot = snapshot
        self.query = query
        self.removed: Counter[str] = Counter()
        self.considered = 0
        self._shapes: dict[tuple[object, ...], int] = {}
        self._shape_list: list[tuple[ShapePart, ...]] = []
        self._candidates: list[Candidate] = []
        self._roots: dict[str, ProviderSummary] = {}
        self._lone = _lone_group(query)

    @property
    def full(self) -> bool:
        limit = self.query.limit
        return bool(limit) and len(self._candidates) >= limit

    def trees(self) -> Iterator[Tree]:
        """Yield the trees worth a look: one, when the unsuffixed group names it."""
        for group in self.query.groups:
            if group.in_tree is not None and not group.suffix:
                tree = self.snapshot.tree_of(group.in_tree)
                if tree is not None:
                    yield tree
                return
        yield from self.snapshot.trees()

    def visit(self, tree: Tree) -> None:
        """Add the candidates of one tree."""
        self.considered += 1
        if not self._root_fits(tree.root):
            self.removed["root traits"] += 1
            return
        sharing = self.snapshot.sharing_with(tree)
        if self._lone is not None and len(tree.members) == 1 and not sharing:
            self._visit_alone(self._lone, tree.root)
            return
        options: list[list[Option]] = []
        for group in self.query.groups:
            found = _options(group, tree, sharing, self.removed)
            if not found:
                return
            options.append(found)
        before = len(self._candidates)
        for combination in self._combine(tree, options):
            self._add(tree, combination)
            if self.full:
                return
        if len(self._candidates) == before:
            self.removed["groups together"] += 1

    def _visit_alone(self, group: RequestGroup, host: Provider) -> None:
        """Add the candidate of a tree that is one provider: most clouds have no others."""
        reason = _misfit(group, host)
        if reason is not None:
            self.removed[reason] += 1
            return
        index = self._shape((ShapePart(resources=group.resources),))
        self._candidates.append(Candidate(root_id=host.id, shape=index, providers=(host.id,)))
        self._roots[host.id] = self.snapshot.summary(host)

    def _root_fits(self, root: Provider) -> bool:
        query = self.query
        if not (query.root_required or query.root_forbidden):
            return True
        return query.root_forbidden.isdisjoint(root.traits) and query.root_required <= set(
            root.traits
        )

    def _combine(self, tree: Tree, options: list[list[Option]]) -> Iterator[tuple[Option, ...]]:
        if len(options) == 1:
            for option in options[0]:
                if _touches(tree, (option,)):
                    yield (option,)
            return
        members = {member.id: member for member in tree.members}
        for combination in self._extend((), options):
            if _touches(tree, combination) and self._subtrees_hold(members, combination):
                yield combination

    def _extend(
        self, chosen: tuple[Option, ...], options: list[list[Option]]
    ) -> Iterator[tuple[Option, ...]]:
        if len(chosen) == len(options):
            yield chosen
            return
        for option in options[len(chosen)]:
            if self._compatible(chosen, option):
                yield from self._extend((*chosen, option), options)

    def _compatible(self, chosen: tuple[Option, ...], option: Option) -> bool:
        for provider_id, amounts in option.amounts.items():
            taken: Counter[str] = Counter()
            for other in chosen:
                if provider_id not in other.amounts:
                    continue
                if self.query.group_policy == "isolate" and other.suffix and option.suffix:
                    return False
                taken.update(other.amounts[provider_id])
            inventories = self.snapshot.providers[provider_id].inventories
            for name, amount in amounts.items():
                if taken[name] and not inventories[name].admits(taken[name] + amount):
                    return False
        return True

    def _subtrees_hold(
        self, members: Mapping[str, Provider], combination: tuple[Option, ...]
    ) -> bool:
        placed = {option.suffix: set(option.amounts) for option in combination}
        for suffixes in self.query.same_subtree:
            wanted = set().union(*(placed.get(suffix, set()) for suffix in suffixes))
            if not any(wanted <= _ancestry_ends(members, wanted, top) for top in wanted):
                return False
        return True

    def _add(self, tree: Tree, combination: tuple[Option, ...]) -> None:
        merged: dict[str, tuple[Counter[str], list[str]]] = {}
        for option in combination:
            for provider_id, amounts in option.amounts.items():
                total, suffixes = merged.setdefault(provider_id, (Counter(), []))
                total.update(amounts)
                suffixes.append(option.suffix)
        parts = tuple(
            ShapePart(resources=dict(total), suffixes=tuple(suffixes))
            for total, suffixes in merged.values()
        )
        index = self._shape(parts)
        self._candidates.append(
            Candidate(root_id=tree.root.id, shape=index, providers=tuple(merged))
        )
        if tree.root.id not in self._roots:
            self._roots[tree.root.id] = self.snapshot.summary(tree.root)

    def _shape(self, parts: tuple[ShapePart, ...]) -> int:
        key = tuple((tuple(sorted(part.resources.items())), part.suffixes) for part in parts)
        index = self._shapes.get(key)
        if index is None:
            index = self._shapes[key] = len(self._shape_list)
            self._shape_list.append(parts)
        return index

    def answer(self) -> Candidates:
        """Return everything that was found."""
        return Candidates(
            sequence=self.snapshot.sequence,
            shapes=tuple(self._shape_list),
            candidates=tuple(self._candidates),
            roots=tuple(self._roots.values()),
            considered=self.considered,
            removed=dict(self.removed),
        )


def _lone_group(query: CandidateQuery) -> RequestGroup | None:
    """Return the group of a query that has no other and none with a suffix."""
    if len(query.groups) != 1 or query.groups[0].suffix:
        return None
    return query.groups[0]


def _misfit(group: RequestGroup, host: Provider) -> str | None:
    """Return why one provider cannot satisfy an unsuffixed group all by itself."""
    for name, amount in group.resources.items():
        inventory = host.inventories.get(name)
        if inventory is None or not inventory.admits(amount):
            return name
    if not (group.forbidden.isdisjoint(host.traits) and _required_met(group, host.traits)):
        return "traits"
    return None if _aggregates_fit(group, host.aggregates) else "aggregates"


def _touches(tree: Tree, combination: tuple[Option, ...]) -> bool:
    """Tell whether anything comes from the tree itself, not from sharing providers alone."""
    ids = tree.ids
    return any(provider_id in ids for option in combination for provider_id in option.amounts)


def _ancestry_ends(members: Mapping[str, Provider], wanted: set[str], top: str) -> frozenset[str]:
    """Return which of `wanted` are `top` or below it."""
    found = set()
    for provider_id in wanted:
        current: str | None = provider_id
        while current is not None and current in members:
            if current == top:
                found.add(provider_id)
                break
            current = members[current].parent_id
    return frozenset(found)


def _options(
    group: RequestGroup, tree: Tree, sharing: tuple[Provider, ...], removed: Counter[str]
) -> list[Option]:
    if group.in_tree is not None and group.in_tree not in tree.ids:
        sharing = tuple(
            provider for provider in sharing if group.in_tree in (provider.id, provider.root_id)
        )
        pool: tuple[Provider, ...] = sharing
    else:
        pool = tree.members if group.in_tree is not None else (*tree.members, *sharing)
    if group.suffix:
        return _single_provider_options(group, pool, removed)
    return _spread_options(group, tree, pool, removed)


def _single_provider_options(
    group: RequestGroup, pool: tuple[Provider, ...], removed: Counter[str]
) -> list[Option]:
    options = [
        Option(group.suffix, {provider.id: group.resources})
        for provider in pool
        if _gives(provider, group.resources)
        and group.forbidden.isdisjoint(provider.traits)
        and _required_met(group, provider.traits)
        and _aggregates_fit(group, provider.aggregates)
    ]
    if not options:
        removed[f"group {group.suffix}"] += 1
    return options


def _spread_options(
    group: RequestGroup, tree: Tree, pool: tuple[Provider, ...], removed: Counter[str]
) -> list[Option]:
    root_aggregates = frozenset(tree.root.aggregates)
    usable = [
        provider
        for provider in pool
        if group.forbidden.isdisjoint(provider.traits)
        and _aggregates_fit(
            group, frozenset(provider.aggregates) | _inherited(tree, provider, root_aggregates)
        )
    ]
    choices: list[list[str]] = []
    for name, amount in group.resources.items():
        givers = [
            provider.id
            for provider in usable
            if name in provider.inventories and provider.inventories[name].admits(amount)
        ]
        if not givers:
            removed[name] += 1
            return []
        choices.append(givers)
    by_id = {provider.id: provider for provider in pool}
    options = []
    for combination in itertools.product(*choices):
        amounts: dict[str, dict[str, int]] = {}
        for provider_id, (name, amount) in zip(combination, group.resources.items(), strict=True):
            amounts.setdefault(provider_id, {})[name] = amount
        traits = frozenset().union(*(by_id[provider_id].traits for provider_id in amounts))
        if _required_met(group, traits):
            options.append(Option(group.suffix, amounts))
    if not options:
        removed["traits"] += 1
    return options


def _inherited(tree: Tree, provider: Provider, root_aggregates: frozenset[str]) -> frozenset[str]:
    """Return the aggregates that a provider has through its root: a host's cover its tree."""
    outside = provider.id not in tree.ids and SHARING_TRAIT in provider.traits
    return frozenset() if outside else root_aggregates


def _gives(provider: Provider, resources: Amounts) -> bool:
    return all(
        name in provider.inventories and provider.inventories[name].admits(amount)
        for name, amount in resources.items()
    )


def _required_met(group: RequestGroup, traits: Collection[str]) -> bool:
    return all(not alternatives.isdisjoint(traits) for alternatives in group.required)


def _aggregates_fit(group: RequestGroup, aggregates: Collection[str]) -> bool:
    return all(
        not alternatives.isdisjoint(aggregates) for alternatives in group.member_of
    ) and group.forbidden_aggregates.isdisjoint(aggregates)
