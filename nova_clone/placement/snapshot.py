"""Placement's providers in memory, kept fresh by the conductor's change sequence."""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections.abc import Iterator

from nova_clone.contracts.conductor import ConductorContract
from nova_clone.contracts.placement import ProviderSummary
from nova_clone.contracts.placement_store import ChangesSince, NamedRecord, PlacementChanges
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.resources import Provider
from nova_clone.placement.names import standard_classes, standard_traits

SHARING_TRAIT = "MISC_SHARES_VIA_AGGREGATE"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tree:
    """A root provider with its descendants, root first."""

    root: Provider
    members: tuple[Provider, ...]

    @functools.cached_property
    def ids(self) -> frozenset[str]:
        """Return the ids of every member."""
        return frozenset(member.id for member in self.members)


class Snapshot:
    """Every provider as of one change number. Not thread-safe; see `Follower`."""

    def __init__(self) -> None:
        self.sequence = 0
        self.providers: dict[str, Provider] = {}
        self.traits: dict[str, NamedRecord] = {}
        self.classes: dict[str, NamedRecord] = {}
        self._members: dict[str, dict[str, None]] = {}
        self._trees: dict[str, Tree] = {}
        self._sharing: dict[str, None] = {}
        self._summaries: dict[str, ProviderSummary] = {}

    def apply(self, changes: PlacementChanges) -> None:
        """Bring the snapshot up to date."""
        if changes.reset:
            for provider_id in list(self.providers):
                self._remove(provider_id)
        for provider_id in changes.removed:
            self._remove(provider_id)
        for provider in changes.providers:
            self._remove(provider.id)
        for provider in changes.providers:
            self._add(provider)
        if changes.traits is not None:
            self.traits = {record.name: record for record in changes.traits}
        if changes.classes is not None:
            self.classes = {record.name: record for record in changes.classes}
        self.sequence = changes.sequence

    def _add(self, provider: Provider) -> None:
        self.providers[provider.id] = provider
        root = provider.root_id or provider.id
        self._members.setdefault(root, {})[provider.id] = None
        self._trees.pop(root, None)
        if SHARING_TRAIT in provider.traits:
            self._sharing[provider.id] = None

    def _remove(self, provider_id: str) -> None:
        provider = self.providers.pop(provider_id, None)
        if provider is None:
            return
        root = provider.root_id or provider.id
        members = self._members.get(root, {})
        members.pop(provider_id, None)
        if not members:
            self._members.pop(root, None)
        self._trees.pop(root, None)
        self._sharing.pop(provider_id, None)
        self._summaries.pop(provider_id, None)

    def trees(self) -> Iterator[Tree]:
        """Yield every tree."""
        for root in list(self._members):
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
        members = tuple(
            self.providers[member] for member in self._members[root_id] if member != root_id
        )
        tree = Tree(root=root, members=(root, *members))
        self._trees[root_id] = tree
        return tree

    def tree_of(self, provider_id: str) -> Tree | None:
        """Return the tree that a provider belongs to."""
        provider = self.providers.get(provider_id)
        return self.tree(provider.root_id or provider.id) if provider else None

    def sharing_with(self, tree: Tree) -> tuple[Provider, ...]:
        """Return providers outside a tree that share an aggregate with any of its members."""
        if not self._sharing:
            return ()
        aggregates = {name for member in tree.members for name in member.aggregates}
        inside = tree.ids
        return tuple(
            self.providers[provider_id]
            for provider_id in self._sharing
            if provider_id not in inside
            and not aggregates.isdisjoint(self.providers[provider_id].aggregates)
        )

    def has_trait(self, name: str) -> bool:
        """Tell whether there is such a trait."""
        return name in standard_traits() or name in self.traits

    def has_class(self, name: str) -> bool:
        """Tell whether there is such a resource class."""
        return name in standard_classes() or name in self.classes

    def summary(self, provider: Provider) -> ProviderSummary:
        """Return what a scheduler is told of a root provider."""
        known = self._summaries.get(provider.id)
        if known is None:
            known = self._summaries[provider.id] = _summary(provider)
        return known


def _summary(root: Provider) -> ProviderSummary:
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


class Follower:
    """Keeps one snapshot as fresh as the conductor's last acknowledged write."""

    def __init__(self, conductor: ConductorContract) -> None:
        self._conductor = conductor
        self._lock = threading.Lock()
        self._snapshot = Snapshot()

    def __enter__(self) -> Snapshot:
        self._lock.acquire()
        return self._snapshot

    def __exit__(self, *_exc: object) -> None:
        self._lock.release()

    def catch_up(self, context: RequestContext) -> None:
        """Ask for what was committed since the last time.

        Raises `Unavailable` when the conductor does not answer.
        """
        with self._lock:
            since = self._snapshot.sequence
        changes = self._conductor.placement_changes(context, ChangesSince(sequence=since))
        with self._lock:
            # Another thread may be ahead by now. Numbers that fell back are of a database
            # that was replaced by an older one.
            if changes.sequence > self._snapshot.sequence or changes.sequence < since:
                self._snapshot.apply(changes)
