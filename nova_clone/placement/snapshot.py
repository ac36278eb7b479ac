"""Placement's providers in memory, kept fresh by the conductor's change sequence."""

from __future__ import annotations

import dataclasses
import functools
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from nova_clone.clients.together import Together
from nova_clone.contracts.conductor import ConductorContract
from nova_clone.contracts.placement import Candidate, ProviderSummary
from nova_clone.contracts.placement_store import ChangesSince, NamedRecord, PlacementChanges
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.resources import Inventory, Provider
from nova_clone.placement.names import standard_classes, standard_traits

SHARING_TRAIT: Final = "MISC_SHARES_VIA_AGGREGATE"
_NOTHING: Final[Mapping[str, int]] = {}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tree:
    """A root provider with its descendants, root first, then by id."""

    root: Provider
    members: tuple[Provider, ...]

    @functools.cached_property
    def whole(self) -> tuple[Candidate, ...]:
        """Return what the root makes by itself: the only candidate, of the first shape.

        It is the same for each request that a lone provider answers, and made once.
        """
        return (Candidate(root_id=self.root.id, shape=0, providers=(self.root.id,)),)

    @functools.cached_property
    def ids(self) -> frozenset[str]:
        """Return the ids of every member."""
        return frozenset(member.id for member in self.members)

    @functools.cached_property
    def aggregates(self) -> frozenset[str]:
        """Return the aggregates that any member is in."""
        return frozenset(name for member in self.members for name in member.aggregates)

    @functools.cached_property
    def givers(self) -> Mapping[str, tuple[Provider, ...]]:
        """Return the members that have an inventory, by resource class."""
        found: dict[str, list[Provider]] = {}
        for member in self.members:
            for name in member.inventories:
                found.setdefault(name, []).append(member)
        return {name: tuple(members) for name, members in found.items()}

    @functools.cached_property
    def below(self) -> Mapping[str, frozenset[str]]:
        """Return each member's id with those of all below it, itself included."""
        parents = {member.id: member.parent_id for member in self.members}
        found: dict[str, set[str]] = {identity: set() for identity in parents}
        for identity in parents:
            above: str | None = identity
            while above is not None and above in found:
                found[above].add(identity)
                above = parents[above]
        return {identity: frozenset(ids) for identity, ids in found.items()}


class Snapshot:
    """Every provider as of one change number. Not thread-safe; see `Follower`.

    What is said of many providers alike (traits, aggregates, names of classes) is kept once.
    """

    def __init__(self) -> None:
        self.sequence = 0
        self.providers: dict[str, Provider] = {}
        self.traits: dict[str, NamedRecord] = {}
        self.classes: dict[str, NamedRecord] = {}
        #: Ids of root providers in order: every process goes through them in the same one.
        self.roots: list[str] = []
        self._rooted = True
        self._members: dict[str, dict[str, None]] = {}
        self._trees: dict[str, Tree] = {}
        self._sharing: dict[str, None] = {}
        self._most: dict[str, dict[str, int]] = {}
        self._stepped: dict[str, dict[str, None]] = {}
        self._sets: dict[tuple[str, ...], tuple[str, ...]] = {}

    def apply(self, changes: PlacementChanges) -> None:
        """Bring the snapshot up to date."""
        if changes.reset:
            self._clear()
        for provider_id in changes.removed:
            self._remove(provider_id)
        for provider in changes.providers:
            self._put(provider)
        if not self._rooted:
            self.roots = sorted(self._members)
            self._rooted = True
        if len(self._sets) > 2 * len(self.providers) + 1000:
            self._sets = {
                names: names
                for provider in self.providers.values()
                for names in (provider.traits, provider.aggregates)
            }
        if changes.traits is not None:
            self.traits = {record.name: record for record in changes.traits}
        if changes.classes is not None:
            self.classes = {record.name: record for record in changes.classes}
        self.sequence = changes.sequence

    def _clear(self) -> None:
        for kept in (self.providers, self._members, self._trees, self._sharing):
            kept.clear()
        self._most.clear()
        self._stepped.clear()
        self._sets.clear()
        self._rooted = False

    def _put(self, provider: Provider) -> None:
        old = self.providers.get(provider.id)
        kept = self._kept(provider)
        if old is not None and old.root_id != kept.root_id:
            self._remove(old.id)
            old = None
        self.providers[kept.id] = kept
        if old is None:
            self._join(kept)
        for name in () if old is None else old.inventories.keys() - kept.inventories.keys():
            self._most[name].pop(kept.id, None)
            self._stepped[name].pop(kept.id, None)
        for name, inventory in kept.inventories.items():
            self._most.setdefault(name, {})[kept.id] = _most(inventory)
            stepped = self._stepped.setdefault(name, {})
            if inventory.min_unit > 1 or inventory.step_size > 1:
                stepped[kept.id] = None
            else:
                stepped.pop(kept.id, None)
        self._trees.pop(kept.root_id, None)
        if SHARING_TRAIT in kept.traits:
            self._sharing[kept.id] = None
        else:
            self._sharing.pop(kept.id, None)

    def _kept(self, provider: Provider) -> Provider:
        """Return a provider as it is kept: without a copy of what others say, too."""
        return dataclasses.replace(
            provider,
            parent_id=None if provider.parent_id is None else self._same(provider.parent_id),
            root_id=self._same(provider.root_id or provider.id, provider.id),
            inventories={sys.intern(name): each for name, each in provider.inventories.items()},
            traits=self._once(provider.traits),
            aggregates=self._once(provider.aggregates),
        )

    def _same(self, provider_id: str, own: str | None = None) -> str:
        """Return an id as the provider's own record has it, which need not be kept again."""
        if provider_id == own:
            return own
        known = self.providers.get(provider_id)
        return provider_id if known is None else known.id

    def _once(self, names: tuple[str, ...]) -> tuple[str, ...]:
        known = self._sets.get(names)
        if known is None:
            known = tuple(sys.intern(name) for name in names)
            self._sets[known] = known
        return known

    def _join(self, provider: Provider) -> None:
        members = self._members.get(provider.root_id)
        if members is None:
            members = self._members[provider.root_id] = {}
            self._rooted = False
        members[provider.id] = None

    def _remove(self, provider_id: str) -> None:
        provider = self.providers.pop(provider_id, None)
        if provider is None:
            return
        root = provider.root_id
        members = self._members[root]
        del members[provider_id]
        if not members:
            del self._members[root]
            self._rooted = False
        self._trees.pop(root, None)
        self._sharing.pop(provider_id, None)
        for name in provider.inventories:
            self._most[name].pop(provider_id, None)
            self._stepped[name].pop(provider_id, None)

    def most(self, resource_class: str) -> Mapping[str, int]:
        """Return the largest amount of a class that may be handed out, by provider id."""
        return self._most.get(resource_class, _NOTHING)

    def stepped(self, resource_class: str) -> Mapping[str, None]:
        """Return the ids of providers that do not hand out every amount up to their most."""
        return self._stepped.get(resource_class, {})

    def trees(self) -> Iterator[Tree]:
        """Yield every tree."""
        for root in self.roots:
            tree = self.tree(root)
            if tree is not None:
                yield tree

    def tree(self, root_id: str) -> Tree | None:
        """Return the tree below a root provider."""
        known = self._trees.get(root_id)
        if known is not None:
            return known
        root = self.providers.get(root_id)
        if root is None:
            return None
        others = sorted(member for member in self._members[root_id] if member != root_id)
        tree = Tree(root=root, members=(root, *(self.providers[member] for member in others)))
        self._trees[root_id] = tree
        return tree

    def tree_of(self, provider_id: str) -> Tree | None:
        """Return the tree that a provider belongs to."""
        provider = self.providers.get(provider_id)
        return self.tree(provider.root_id) if provider else None

    @property
    def sharing(self) -> Iterable[Provider]:
        """Return every provider that shares what it has."""
        return [self.providers[provider_id] for provider_id in self._sharing]

    def sharing_with(self, tree: Tree) -> tuple[Provider, ...]:
        """Return providers outside a tree that share an aggregate with any of its members."""
        if not self._sharing:
            return ()
        return tuple(
            provider
            for provider in self.sharing
            if provider.id not in tree.ids and not tree.aggregates.isdisjoint(provider.aggregates)
        )

    def has_trait(self, name: str) -> bool:
        """Tell whether there is such a trait."""
        return name in standard_traits() or name in self.traits

    def has_class(self, name: str) -> bool:
        """Tell whether there is such a resource class."""
        return name in standard_classes() or name in self.classes


def summary(root: Provider) -> ProviderSummary:
    """Return what a scheduler is told of a root provider."""
    return ProviderSummary(
        id=root.id,
        name=root.name,
        generation=root.generation,
        resources={
            name: (inventory.capacity, inventory.used)
            for name, inventory in root.inventories.items()
        },
        traits=root.traits,
        consumers=root.consumers,
    )


def _most(inventory: Inventory) -> int:
    return min(inventory.max_unit, inventory.free)


class Follower:
    """Keeps a snapshot fresh for all threads of a process.

    The conductor is asked once for everybody who waits: a question that begins after a
    request came in brings every write that was acknowledged before that request.
    """

    def __init__(self, conductor: ConductorContract) -> None:
        self._conductor = conductor
        self._lock = threading.Lock()
        self._snapshot = Snapshot()
        self._together = Together()

    def __enter__(self) -> Snapshot:
        self._lock.acquire()
        return self._snapshot

    def __exit__(self, *_exc: object) -> None:
        self._lock.release()

    def catch_up(self, context: RequestContext) -> None:
        """Bring in everything that was committed before this call.

        Raises `Unavailable` when the conductor does not answer.
        """
        self._together.ask(lambda: self._ask(context))

    def _ask(self, context: RequestContext) -> None:
        since = self._snapshot.sequence
        found = self._conductor.placement_changes(context, ChangesSince(sequence=since))
        if found.more is not None:
            # The pages are of different moments; what changed meanwhile makes them one.
            fresh = self._whole(context, found)
            with self._lock:
                self._snapshot = fresh
            self._ask(context)
        elif found.reset or found.sequence != since:
            with self._lock:
                self._snapshot.apply(found)

    def _whole(self, context: RequestContext, page: PlacementChanges) -> Snapshot:
        """Return a new snapshot: nobody may see one that is not whole yet."""
        fresh = Snapshot()
        fresh.apply(page)
        while page.more is not None:
            request = ChangesSince(sequence=fresh.sequence, after=page.more)
            page = self._conductor.placement_changes(context, request)
            fresh.apply(page)
        return fresh
