"""Inventories and request groups to allocation candidates. Pure: no I/O.

Semantics: the Placement API reference, "Allocation candidates". The unsuffixed group may be
spread over a tree, one provider per resource class; a suffixed group comes from one provider.
Sharing providers serve every tree that has an aggregate in common with them.

Trees are visited only as far as candidates are asked for.
"""

from __future__ import annotations

import collections
import dataclasses
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from nova_clone.contracts.placement import Candidate, CandidateQuery, ShapePart
from nova_clone.domain.resources import Provider
from nova_clone.placement.snapshot import Snapshot, Tree
from nova_clone.placement.tree_search import Choice, Patience, Space, TreeSearch, domains
from nova_clone.placement.wishes import Plan

DEPTH_FIRST: Final = "depth-first"
BREADTH_FIRST: Final = "breadth-first"
#: Dead ends that one request may run into, one tree of it, and a tree when there were many.
_PATIENCE, _PATIENCE_PER_TREE, _LEAST_PATIENCE = 200_000, 20_000, 50
GIVEN_UP: Final = "search given up"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manner:
    """How candidates are generated.

    ``strategy`` goes through one tree before the next (depth first) or takes one candidate
    of each tree in turn. ``most`` limits all of them (0: nothing does). ``rng`` makes their
    order random. ``flat`` leaves out those that use two providers of one tree, and
    ``distinct`` those that differ only in which group gets what.
    """

    strategy: str = DEPTH_FIRST
    most: int = 0
    rng: random.Random | None = None
    flat: bool = False
    distinct: bool = False


@dataclasses.dataclass(kw_only=True)
class Found:
    """Candidates with their shapes and roots, and what became of the trees without any."""

    candidates: list[Candidate] = dataclasses.field(default_factory=list)
    shapes: list[tuple[ShapePart, ...]] = dataclasses.field(default_factory=list)
    roots: dict[str, Provider] = dataclasses.field(default_factory=dict)
    considered: int = 0
    removed: Counter[str] = dataclasses.field(default_factory=Counter)


def find(snapshot: Snapshot, query: CandidateQuery, manner: Manner | None = None) -> Found:
    """Return candidates for `query`, at most ``query.limit`` of them unless that is 0."""
    return _Search(snapshot, query, manner or Manner()).run()


class _Search:
    def __init__(self, snapshot: Snapshot, query: CandidateQuery, manner: Manner) -> None:
        self.snapshot = snapshot
        self.query = query
        self.manner = manner
        self.plan = Plan(snapshot, query)
        self.found = Found()
        self._shapes: dict[tuple[int, ...], int] = {}
        self._patience = _PATIENCE
        self._seen: set[object] = set()
        self._lone = None
        if len(query.groups) == 1 and not query.groups[0].suffix and self.plan.slots:
            self._lone = self.plan.slots[0].wishes
        self._alone = (0,) * len(self.plan.slots)

    def run(self) -> Found:
        """Take as many candidates as are wanted."""
        found = self.found
        limits = [limit for limit in (self.query.limit, self.manner.most) if limit > 0]
        most = min(limits, default=0)
        deep = self.manner.strategy == DEPTH_FIRST
        for root, candidate in self._deep() if deep else self._broad():
            found.candidates.append(candidate)
            found.roots.setdefault(root.id, root)
            if len(found.candidates) == most:
                break
        return found

    def _deep(self) -> Iterator[tuple[Provider, Candidate]]:
        for tree in self._trees():
            for candidate in self._visit(tree):
                yield tree.root, candidate

    def _broad(self) -> Iterator[tuple[Provider, Candidate]]:
        first: list[tuple[Tree, Candidate]] = []
        for tree in self._trees():
            ways = self._visit(tree)
            for candidate in ways:
                yield tree.root, candidate
                if not isinstance(ways, tuple):
                    first.append((tree, candidate))
                break
        # A search that is kept open costs more than to begin the few anew that go on.
        waiting = collections.deque((tree.root, self._others(tree, told)) for tree, told in first)
        while waiting:
            root, others = waiting.popleft()
            for candidate in others:
                yield root, candidate
                waiting.append((root, others))
                break

    def _others(self, tree: Tree, first: Candidate) -> Iterator[Candidate]:
        return (each for each in self._ways(tree) if each != first)

    def _trees(self) -> Iterator[Tree]:
        """Yield the trees worth a look: one, when the unsuffixed group names it."""
        for group in self.query.groups:
            if group.in_tree is not None and not group.suffix:
                tree = self.snapshot.tree_of(group.in_tree)
                if tree is not None:
                    yield tree
                return
        roots: Iterable[str] = self.snapshot.roots
        if self.manner.rng is not None:
            roots = _shuffled(self.snapshot.roots, self.manner.rng)
        for root in roots:
            tree = self.snapshot.tree(root)
            if tree is not None:
                yield tree

    def _visit(self, tree: Tree) -> Iterable[Candidate]:
        """Return the candidates of one tree, to be found one by one."""
        self.found.considered += 1
        return self._ways(tree)

    def _ways(self, tree: Tree) -> Iterable[Candidate]:
        plan, root = self.plan, tree.root
        reason = self._root_misfit(root)
        if reason is not None:
            return self._none(reason)
        sharing = self._lenders(tree) if plan.lenders else ()
        if self._lone is not None and len(tree.members) == 1 and not sharing:
            reason = plan.misfit(root, self._lone)
            if reason is not None:
                return self._none(reason)
            shape = self._shapes.get(self._alone)
            if shape is None:
                shape = self._shape(self._alone)
            if shape == 0:
                return tree.whole
            return (Candidate(root_id=root.id, shape=shape, providers=(root.id,)),)
        fits = domains(plan, tree, sharing)
        if isinstance(fits, str):
            return self._none(fits)
        settled = all(len(domain) == 1 for domain in fits)
        if settled and self._lone is not None and not self.manner.flat:
            return self._only(tree, tuple(domain[0] for domain in fits))
        found = self._search(self._space(tree, sharing, fits))
        return tuple(found) if settled else found

    def _only(self, tree: Tree, choice: Choice) -> tuple[Candidate, ...]:
        """Return the one way there is: classes of one group are in nobody's way.

        Something must come from the tree itself.
        """
        if all(each.id not in tree.ids for each in choice):
            return self._none("groups together")
        candidate = self._candidate(tree.root.id, choice)
        return () if candidate is None else (candidate,)

    def _none(self, reason: str) -> tuple[Candidate, ...]:
        self.found.removed[reason] += 1
        return ()

    def _lenders(self, tree: Tree) -> tuple[Provider, ...]:
        return tuple(
            each
            for each in self.plan.lenders
            if each.id not in tree.ids and not tree.aggregates.isdisjoint(each.aggregates)
        )

    def _root_misfit(self, root: Provider) -> str | None:
        wishes = self.plan.root
        if wishes is None:
            return None
        if not wishes.suits(root):
            return "root traits"
        return None if wishes.place(root) else "aggregates"

    def _space(self, tree: Tree, sharing: Sequence[Provider], fits: list[list[Provider]]) -> Space:
        everybody = [*tree.members, *sharing]
        if self.manner.rng is not None:
            self.manner.rng.shuffle(everybody)
        places = {each.id: number for number, each in enumerate(everybody)}
        if self.manner.rng is not None:
            fits = [sorted(domain, key=lambda each: places[each.id]) for domain in fits]
        return Space(
            plan=self.plan,
            tree=tree,
            domains=fits,
            places=places,
            distinct=self.manner.distinct,
            flat=self.manner.flat,
        )

    def _search(self, space: Space) -> Iterator[Candidate]:
        allowance = max(_LEAST_PATIENCE, min(_PATIENCE_PER_TREE, self._patience))
        patience = Patience(left=allowance)
        root_id, found = space.tree.root.id, 0
        try:
            for choice in TreeSearch(space, patience).choices():
                candidate = self._candidate(root_id, choice)
                if candidate is None:
                    # One that is known already is no reason to go on for longer.
                    patience.left -= patience.earned + 1
                    continue
                found += 1
                yield candidate
        finally:
            self._patience -= max(0, allowance - patience.left)
        if patience.gone:
            self.found.removed[GIVEN_UP] += 1
        elif not found:
            self.found.removed["groups together"] += 1

    def _candidate(self, root_id: str, choice: Choice) -> Candidate | None:
        places: dict[str, int] = {}
        pattern = tuple(places.setdefault(each.id, len(places)) for each in choice)
        shape = self._shapes.get(pattern)
        if shape is None:
            shape = self._shape(pattern)
        providers = tuple(places)
        if self.manner.distinct:
            amounts = frozenset(
                (identity, frozenset(part.resources.items()))
                for identity, part in zip(providers, self.found.shapes[shape], strict=True)
                if part.resources
            )
            if amounts in self._seen:
                return None
            self._seen.add(amounts)
        return Candidate(root_id=root_id, shape=shape, providers=providers)

    def _shape(self, pattern: tuple[int, ...]) -> int:
        """Return the number of the shape of slots that are given to providers like this."""
        totals: list[tuple[Counter[str], dict[str, None]]] = []
        for slot, place in zip(self.plan.slots, pattern, strict=True):
            if place == len(totals):
                totals.append((Counter(), {}))
            totals[place][0].update(slot.amounts)
            totals[place][1][slot.suffix] = None
        parts = tuple(
            ShapePart(resources=dict(total), suffixes=tuple(suffixes)) for total, suffixes in totals
        )
        self._shapes[pattern] = len(self.found.shapes)
        self.found.shapes.append(parts)
        return self._shapes[pattern]


def _shuffled(items: Sequence[str], rng: random.Random) -> Iterator[str]:
    """Yield items in random order, at a cost for those alone that are taken."""
    moved: dict[int, int] = {}
    count = len(items)
    for place in range(count):
        other = rng.randrange(place, count)
        yield items[moved.get(other, other)]
        moved[other] = moved.get(place, place)
