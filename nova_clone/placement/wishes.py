"""A request for candidates, prepared to be held against thousands of providers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from nova_clone.contracts.placement import CandidateQuery
from nova_clone.domain.resources import Provider, RequestGroup
from nova_clone.placement.snapshot import Snapshot


class Wishes:
    """What one group wants of the traits and aggregates of a provider.

    Providers of a cloud have few different sets of them, each kept once by the snapshot, so
    every set is looked at once per request.
    """

    def __init__(self, group: RequestGroup) -> None:
        self.group = group
        self._allowed: dict[int, bool] = {}
        self._met: dict[int, int] = {}
        self._suited: dict[int, bool] = {}
        self._inside: dict[int, bool] = {}
        self.all_met = (1 << len(group.required)) - 1

    def allow(self, provider: Provider) -> bool:
        """Tell whether a provider has no forbidden trait."""
        traits = provider.traits
        known = self._allowed.get(id(traits))
        if known is None:
            known = self._allowed[id(traits)] = self.group.forbidden.isdisjoint(traits)
        return known

    def met(self, provider: Provider) -> int:
        """Return which required traits a provider has, one bit for each."""
        traits = provider.traits
        known = self._met.get(id(traits))
        if known is None:
            known = self._met[id(traits)] = sum(
                1 << number
                for number, alternatives in enumerate(self.group.required)
                if not alternatives.isdisjoint(traits)
            )
        return known

    def suits(self, provider: Provider) -> bool:
        """Tell whether a provider has all required traits and no forbidden one."""
        traits = provider.traits
        known = self._suited.get(id(traits))
        if known is None:
            known = self.allow(provider) and self.met(provider) == self.all_met
            self._suited[id(traits)] = known
        return known

    def place(self, provider: Provider, root: Provider | None = None) -> bool:
        """Tell whether a provider, or its `root` for it, is in the right aggregates."""
        own = provider.aggregates
        if root is None or root.aggregates is own or not root.aggregates:
            known = self._inside.get(id(own))
            if known is None:
                known = self._inside[id(own)] = self._fits(frozenset(own))
            return known
        return self._fits(frozenset((*own, *root.aggregates)))

    def _fits(self, aggregates: frozenset[str]) -> bool:
        group = self.group
        return all(
            not alternatives.isdisjoint(aggregates) for alternatives in group.member_of
        ) and group.forbidden_aggregates.isdisjoint(aggregates)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Slot:
    """What one provider must give: a suffixed group whole, or one class of the unsuffixed.

    ``twins`` are earlier slots that ask for exactly the same.
    """

    number: int
    group: int
    suffix: str
    amounts: Mapping[str, int]
    wishes: Wishes
    twins: tuple[int, ...] = ()


class Plan:
    """A query as slots, with the largest amounts that the snapshot can give."""

    def __init__(self, snapshot: Snapshot, query: CandidateQuery) -> None:
        self.snapshot = snapshot
        self.query = query
        self.isolated = query.group_policy == "isolate"
        self.classes = sorted({name for group in query.groups for name in group.resources})
        self.most = {name: snapshot.most(name) for name in self.classes}
        self._stepped = {
            name: stepped for name in self.classes if (stepped := snapshot.stepped(name))
        }
        self.slots = _slots(query)
        together = dict.fromkeys(frozenset(suffixes) for suffixes in query.same_subtree)
        self.root = _wishes_of_root(query)
        self.subtrees = tuple(
            frozenset(slot.number for slot in self.slots if slot.suffix in suffixes)
            for suffixes in together
        )
        #: Slots that contend for a class with others.
        self.contended = tuple(
            name
            for name in self.classes
            if sum(1 for slot in self.slots if name in slot.amounts) > 1
        )
        self.lenders = tuple(provider for provider in snapshot.sharing if self._lends(provider))

    def admits(self, provider: Provider, amounts: Mapping[str, int]) -> bool:
        """Tell whether a provider can give these amounts, nothing else being asked of it."""
        for name, amount in amounts.items():
            if self.most[name].get(provider.id, -1) < amount:
                return False
        return not self._stepped or self._missed_step(provider, amounts) is None

    def misfit(self, provider: Provider, wishes: Wishes) -> str | None:
        """Return why one provider cannot satisfy a group all by itself."""
        resources = wishes.group.resources
        for name, amount in resources.items():
            if self.most[name].get(provider.id, -1) < amount:
                return name
        missed = self._missed_step(provider, resources) if self._stepped else None
        if missed is not None:
            return missed
        if not wishes.suits(provider):
            return "traits"
        return None if wishes.place(provider) else "aggregates"

    def _missed_step(self, provider: Provider, amounts: Mapping[str, int]) -> str | None:
        """Return a class that the provider hands out, but not in such an amount."""
        for name, stepped in self._stepped.items():
            amount = amounts.get(name)
            if amount is not None and provider.id in stepped:
                inventory = provider.inventories[name]
                if amount < inventory.min_unit or amount % inventory.step_size:
                    return name
        return None

    def _lends(self, provider: Provider) -> bool:
        return any(self.admits(provider, slot.amounts) for slot in self.slots)


def _wishes_of_root(query: CandidateQuery) -> Wishes | None:
    group = RequestGroup(
        required=tuple(frozenset((name,)) for name in query.root_required),
        forbidden=query.root_forbidden,
        member_of=query.root_member_of,
        forbidden_aggregates=query.root_forbidden_aggregates,
    )
    return None if group == RequestGroup() else Wishes(group)


def _slots(query: CandidateQuery) -> tuple[Slot, ...]:
    made: list[Slot] = []
    alike: dict[object, list[int]] = {}
    for number, group in enumerate(query.groups):
        wishes = Wishes(group)
        whole: Sequence[Mapping[str, int]] = [dict(group.resources)]
        if not group.suffix:
            whole = [{name: amount} for name, amount in group.resources.items()]
        twins: list[int] = []
        if group.suffix:
            twins = alike.setdefault(_likeness(query, group), [])
        for amounts in whole:
            made.append(
                Slot(
                    number=len(made),
                    group=number,
                    suffix=group.suffix,
                    amounts=amounts,
                    wishes=wishes,
                    twins=tuple(twins),
                )
            )
            if group.suffix:
                twins.append(made[-1].number)
    return tuple(made)


def _likeness(query: CandidateQuery, group: RequestGroup) -> object:
    """Return what two groups have in common when one may stand for the other."""
    together = frozenset(
        number for number, suffixes in enumerate(query.same_subtree) if group.suffix in suffixes
    )
    return (
        frozenset(group.resources.items()),
        frozenset(group.required),
        group.forbidden,
        frozenset(group.member_of),
        group.forbidden_aggregates,
        group.in_tree,
        together,
    )
