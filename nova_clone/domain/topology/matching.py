"""Guests' cells to hosts' cells: matchings in bipartite graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: For each node of one side, the nodes of the other that it may go to, best first.
Edges = Mapping[int, Sequence[int]]


def saturable(edges: Edges) -> bool:
    """Tell whether every key can have a partner of its own."""
    partner: dict[int, int] = {}
    return all(_augment(edges, node, partner, set()) for node in edges)


def _augment(edges: Edges, node: int, partner: dict[int, int], seen: set[int]) -> bool:
    for other in edges[node]:
        if other in seen:
            continue
        seen.add(other)
        if other not in partner or _augment(edges, partner[other], partner, seen):
            partner[other] = node
            return True
    return False


def first_matching(edges: Edges, covers: Sequence[frozenset[int]]) -> dict[int, int] | None:
    """Return the matching of all keys that is first in the order of their wishes.

    Keys decide in their order, each for its best partner that leaves a matching for the
    rest. One of `covers` must be among the partners as a whole; ``frozenset()`` in it means
    that any will do. Takes polynomial time, however alike the cells are.
    """
    if not _completable(edges, covers, {}):
        return None
    fixed: dict[int, int] = {}
    for node in edges:
        for other in edges[node]:
            if other in fixed.values():
                continue
            trial = {**fixed, node: other}
            if _completable(edges, covers, trial):
                fixed = trial
                break
    return fixed


def has_matching(edges: Edges, covers: Sequence[frozenset[int]]) -> bool:
    """Tell whether `first_matching` would find one."""
    return _completable(edges, covers, {})


def _completable(edges: Edges, covers: Sequence[frozenset[int]], fixed: Mapping[int, int]) -> bool:
    taken = set(fixed.values())
    left = {
        node: [other for other in others if other not in taken]
        for node, others in edges.items()
        if node not in fixed
    }
    if not saturable(left):
        return False
    # Where a matching covers all of one side and another one covers some of the other,
    # a single one covers both (Mendelsohn and Dulmage).
    return any(saturable(_towards(left, cover - taken)) for cover in covers)


def _towards(edges: Edges, wanted: frozenset[int]) -> dict[int, list[int]]:
    return {
        other: [node for node, others in edges.items() if other in others]
        for other in sorted(wanted)
    }
