"""Which members of one tree satisfy a request together: a search that is pruned ahead.

Each slot of the request is given a provider. The slot with the fewest providers left comes
first; a choice takes away what others cannot have any more; what is left is checked as a
whole (everybody seated, traits, subtrees) before it is gone into. Providers that are alike in
all that is still asked for fail alike, so one of them is tried.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

from nova_clone.domain.resources import Provider
from nova_clone.placement.snapshot import Tree
from nova_clone.placement.wishes import Plan, Slot

Choice = tuple[Provider, ...]


@dataclasses.dataclass(kw_only=True)
class Patience:
    """How many more dead ends a search may run into; found candidates earn it new ones."""

    left: int
    earned: int = 10

    @property
    def gone(self) -> bool:
        """Tell whether the search has to end."""
        return self.left <= 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Space:
    """A tree as a request sees it: for each slot the providers that could take it alone.

    Every domain is in the order of ``places``. ``distinct`` leaves out choices that differ
    only in which of several equal groups gets what; ``flat`` those that use two providers of
    one tree.
    """

    plan: Plan
    tree: Tree
    domains: Sequence[Sequence[Provider]]
    places: Mapping[str, int]
    distinct: bool = False
    flat: bool = False


def domains(plan: Plan, tree: Tree, sharing: Sequence[Provider]) -> list[list[Provider]] | str:
    """Return who could take each slot, or the reason why nobody can take one of them."""
    found: list[list[Provider]] = []
    for slot in plan.slots:
        if slot.twins:
            found.append(found[slot.twins[0]])
            continue
        fits = _domain(plan, slot, tree, sharing)
        if isinstance(fits, str):
            return fits
        found.append(fits)
    return found if _traits_within_reach(plan, found) else "traits"


def _domain(
    plan: Plan, slot: Slot, tree: Tree, sharing: Sequence[Provider]
) -> list[Provider] | str:
    wishes, wanted = slot.wishes, slot.wishes.group.in_tree
    inside: Sequence[Provider] = tree.members
    if slot.amounts:
        inside = tree.givers.get(next(iter(slot.amounts)), ())
    outside: Sequence[Provider] = sharing
    if wanted is not None and wanted in tree.ids:
        outside = ()
    elif wanted is not None:
        inside = ()
        outside = [each for each in sharing if wanted in (each.id, each.root_id)]
    able = [each for each in inside if plan.admits(each, slot.amounts)]
    inner = len(able)
    able += [each for each in outside if plan.admits(each, slot.amounts)]
    if slot.suffix:
        fits = [each for each in able if wishes.suits(each) and wishes.place(each)]
        return fits or f"group {slot.suffix}"
    if not able:
        return next(iter(slot.amounts))
    allowed = [(each, number < inner) for number, each in enumerate(able) if wishes.allow(each)]
    root = tree.root
    fits = [each for each, own in allowed if wishes.place(each, root if own else None)]
    if fits:
        return fits
    return "aggregates" if allowed else "traits"


def _traits_within_reach(plan: Plan, found: Sequence[Sequence[Provider]]) -> bool:
    for slot in plan.slots:
        if slot.suffix:
            continue
        wishes = slot.wishes
        met = 0
        for other, others in zip(plan.slots, found, strict=True):
            if other.wishes is wishes and met != wishes.all_met:
                for each in others:
                    met |= wishes.met(each)
        return met == wishes.all_met
    return True


class TreeSearch:
    """Goes through a `Space`, and yields every choice that holds."""

    def __init__(self, space: Space, patience: Patience) -> None:
        plan = space.plan
        self._space = space
        self._plan = plan
        self._slots = plan.slots
        self._patience = patience
        self._inside = space.tree.ids
        self._chosen: list[Provider | None] = [None] * len(self._slots)
        self._taken: dict[str, dict[str, int]] = {}
        self._users: dict[str, list[int]] = {}
        for number, fits in enumerate(space.domains):
            for provider in fits:
                self._users.setdefault(provider.id, []).append(number)
        self._blocked: list[set[str]] = [set() for _ in self._slots]
        self._live = [len(fits) for fits in space.domains]
        self._tops: list[tuple[frozenset[int], str]] = []
        self._troubled = True
        self._lends = any(each not in self._inside for each in self._users)
        self._union = next((slot.wishes for slot in self._slots if not slot.suffix), None)
        if self._union is not None and not self._union.group.required:
            self._union = None

    def choices(self) -> Iterator[Choice]:
        """Yield a provider for each slot, in every way that holds."""
        yield from self._under(0)

    def _under(self, number: int) -> Iterator[Choice]:
        """Try each provider that may be on top of the groups of a ``same_subtree``."""
        if number == len(self._plan.subtrees):
            self._troubled = True
            yield from self._extend(tuple(range(len(self._slots))))
            return
        members = self._plan.subtrees[number]
        below = self._space.tree.below
        tops = {
            each.id: None
            for slot in sorted(members)
            for each in self._space.domains[slot]
            if each.id not in self._blocked[slot]
        }
        for top in tops:
            if self._patience.gone:
                return
            found = False
            trail = self._restrict(members, below.get(top, frozenset((top,))))
            self._tops.append((members, top))
            alive = all(self._live[slot] for slot in members)
            if alive and all(self._topped(*each) for each in self._tops):
                for choice in self._under(number + 1):
                    found = True
                    yield choice
            self._tops.pop()
            self._free(trail)
            if not found:
                self._patience.left -= 1

    def _restrict(self, members: frozenset[int], allowed: frozenset[str]) -> list[tuple[int, str]]:
        trail = []
        for slot in members:
            blocked = self._blocked[slot]
            for each in self._space.domains[slot]:
                if each.id not in allowed and each.id not in blocked:
                    blocked.add(each.id)
                    trail.append((slot, each.id))
            self._live[slot] = len(self._space.domains[slot]) - len(blocked)
        return trail

    def _free(self, trail: Sequence[tuple[int, str]]) -> None:
        for slot, provider_id in trail:
            self._blocked[slot].discard(provider_id)
            self._live[slot] += 1

    def _extend(self, left: tuple[int, ...]) -> Iterator[Choice]:
        """Yield every way to give the slots that are left a provider."""
        if not self._hopeful(left):
            return
        if not left:
            self._patience.left += self._patience.earned
            yield tuple(each for each in self._chosen if each is not None)
            return
        number = self._next(left)
        rest = tuple(each for each in left if each != number)
        failed: set[object] = set()
        for provider in self._space.domains[number]:
            if self._patience.gone:
                return
            if not self._open(number, provider):
                continue
            if failed and self._likeness(provider, left) in failed:
                continue
            found = False
            trail = self._take(number, provider)
            if all(self._live[slot] for slot, _ in trail):
                for choice in self._extend(rest):
                    found = True
                    yield choice
            self._give_back(number, provider, trail)
            if not found:
                self._patience.left -= 1
                self._troubled = True
                failed.add(self._likeness(provider, left))

    def _next(self, left: tuple[int, ...]) -> int:
        number = min(left, key=self._live.__getitem__)
        if self._space.distinct:
            # Of equal groups the first comes first: the others follow in order.
            return next((twin for twin in self._slots[number].twins if twin in left), number)
        return number

    def _open(self, number: int, provider: Provider) -> bool:
        if provider.id in self._blocked[number]:
            return False
        space = self._space
        if space.distinct and self._slots[number].twins:
            last = self._chosen[self._slots[number].twins[-1]]
            if last is not None and space.places[last.id] > space.places[provider.id]:
                return False
        if not space.flat:
            return True
        return all(
            each is None or each.root_id != provider.root_id or each.id == provider.id
            for each in self._chosen
        )

    def _take(self, number: int, provider: Provider) -> list[tuple[int, str]]:
        self._chosen[number] = provider
        slot, identity = self._slots[number], provider.id
        taken = self._taken.setdefault(identity, {})
        for name, amount in slot.amounts.items():
            taken[name] = taken.get(name, 0) + amount
        trail = []
        for other in self._users[identity]:
            if self._chosen[other] is not None or identity in self._blocked[other]:
                continue
            if self._clashes(slot, self._slots[other], identity, taken):
                self._blocked[other].add(identity)
                self._live[other] -= 1
                trail.append((other, identity))
        return trail

    def _give_back(self, number: int, provider: Provider, trail: Sequence[tuple[int, str]]) -> None:
        self._free(trail)
        self._chosen[number] = None
        if any(each is provider for each in self._chosen):
            taken = self._taken[provider.id]
            for name, amount in self._slots[number].amounts.items():
                taken[name] -= amount
        else:
            del self._taken[provider.id]

    def _clashes(self, slot: Slot, other: Slot, identity: str, taken: dict[str, int]) -> bool:
        if self._plan.isolated and slot.suffix and other.suffix:
            return True
        for name, amount in other.amounts.items():
            used = taken.get(name)
            if used and used + amount > self._plan.most[name][identity]:
                return True
        return False

    def _hopeful(self, left: tuple[int, ...]) -> bool:
        """Tell whether the slots that are left may still be filled, all of them together."""
        if self._lends and not self._touches(left):
            return False
        if self._union is not None and not self._traits_in_reach(left):
            return False
        if not all(self._topped(*each) for each in self._tops):
            return False
        if not self._troubled or len(left) < 2:
            return True
        # As long as nothing fails, there is no need to look this closely.
        self._troubled = False
        if not self._seated(left):
            self._troubled = True
            return False
        return True

    def _touches(self, left: tuple[int, ...]) -> bool:
        """Tell whether anything may come from the tree itself, not from others alone."""
        if any(each is not None and each.id in self._inside for each in self._chosen):
            return True
        return any(
            each.id in self._inside and each.id not in self._blocked[slot]
            for slot in left
            for each in self._space.domains[slot]
        )

    def _traits_in_reach(self, left: tuple[int, ...]) -> bool:
        wishes = self._union
        if wishes is None:
            return True
        met = 0
        for slot in self._slots:
            if slot.wishes is wishes:
                chosen = self._chosen[slot.number]
                fits = self._space.domains[slot.number] if chosen is None else (chosen,)
                for each in fits:
                    met |= wishes.met(each)
        return met == wishes.all_met

    def _topped(self, members: frozenset[int], top: str) -> bool:
        """Tell whether one of these slots is, or may still be, given to the provider on top."""
        for slot in members:
            chosen = self._chosen[slot]
            if chosen is not None:
                if chosen.id == top:
                    return True
            elif slot in self._users[top] and top not in self._blocked[slot]:
                return True
        return False

    def _seated(self, left: tuple[int, ...]) -> bool:
        """Tell whether there are places enough: Hall's condition, by augmenting paths."""
        plan = self._plan
        if plan.isolated:
            suffixed = [slot for slot in left if self._slots[slot].suffix]
            return self._seatable(suffixed, lambda _: 1)
        return all(self._rivals_seated(name, left) for name in plan.contended)

    def _rivals_seated(self, name: str, left: tuple[int, ...]) -> bool:
        rivals = [slot for slot in left if name in self._slots[slot].amounts]
        if len(rivals) < 2:
            return True
        least = min(self._slots[slot].amounts[name] for slot in rivals) or 1
        most, taken = self._plan.most[name], self._taken

        def room(identity: str) -> int:
            return (most[identity] - taken.get(identity, {}).get(name, 0)) // least

        return self._seatable(rivals, room)

    def _seatable(self, slots: Sequence[int], room: Callable[[str], int]) -> bool:
        seats: dict[str, list[int]] = {}
        return all(self._seat(slot, seats, room, set()) for slot in slots)

    def _seat(
        self,
        slot: int,
        seats: dict[str, list[int]],
        room: Callable[[str], int],
        visited: set[str],
    ) -> bool:
        open_to = [
            provider.id
            for provider in self._space.domains[slot]
            if provider.id not in self._blocked[slot]
        ]
        for identity in open_to:
            sitting = seats.setdefault(identity, [])
            if len(sitting) < room(identity):
                sitting.append(slot)
                return True
        for identity in open_to:
            if identity in visited:
                continue
            visited.add(identity)
            for place, other in enumerate(seats[identity]):
                if self._seat(other, seats, room, visited):
                    seats[identity][place] = slot
                    return True
        return False

    def _likeness(self, provider: Provider, left: tuple[int, ...]) -> object:
        """Return all that matters of a provider to the slots that are left."""
        identity, space = provider.id, self._space
        if any(identity == top for _, top in self._tops):
            return identity
        taken = self._taken.get(identity, {})
        most = self._plan.most
        return (
            tuple(
                slot
                for slot in self._users[identity]
                if slot in left and identity not in self._blocked[slot]
            ),
            tuple(most[name].get(identity, 0) - taken.get(name, 0) for name in most),
            None if self._union is None else self._union.met(provider),
            identity in self._inside,
            (provider.root_id, identity in self._taken) if space.flat else None,
            self._behind(identity, left) if space.distinct else None,
        )

    def _behind(self, identity: str, left: tuple[int, ...]) -> tuple[int, ...]:
        """Return the slots that a provider is too early for, as equal groups go in order."""
        places = self._space.places
        found = []
        for slot in left:
            last = [self._chosen[twin] for twin in self._slots[slot].twins]
            if any(each is not None and places[each.id] > places[identity] for each in last):
                found.append(slot)
        return tuple(found)
