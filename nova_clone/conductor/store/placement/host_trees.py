"""The trees of providers that hosts report, beside what others keep in them.

A host owns its root and the components it reports, with all their inventories, and just
those traits that it reported. Whatever else is in the tree belongs to somebody else.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Iterable, Mapping

from nova_clone.conductor.store.placement.moves import moved, shifts
from nova_clone.conductor.store.placement.names import CUSTOM, standard_traits
from nova_clone.conductor.store.placement.records import P
from nova_clone.conductor.store.placement.report_memory import (
    Remembered,
    ReportMemory,
)
from nova_clone.contracts.hosts import Addition, HostReport
from nova_clone.contracts.placement_store import AllocationQuery, PutProvider
from nova_clone.domain import errors
from nova_clone.domain.pci.device import ONE_TIME_USE
from nova_clone.domain.resources import Inventory, Provider

LOG = logging.getLogger(__name__)

DISABLED = "COMPUTE_STATUS_DISABLED"


@dataclasses.dataclass(kw_only=True)
class _Part:
    """What a provider shall have. Of one that is not ``own`` nothing else is touched.

    One that is ``gone`` is deleted when nobody uses it.
    """

    inventories: dict[str, Inventory]
    traits: set[str]
    lacking: frozenset[str] = frozenset()
    own: bool = True
    gone: bool = False
    left: tuple[str, ...] = ()

    @property
    def remembered(self) -> Remembered:
        return Remembered(
            own=self.own,
            traits=tuple(sorted(self.traits - {DISABLED})),
            classes=tuple(sorted(self.inventories)),
            left=self.left,
        )


class HostTrees(ReportMemory):
    """What hosts report, put into Placement."""

    def sync_host(self, report: HostReport, *, disabled: bool = False) -> bool:
        """Bring the tree of a compute node in line with what its host reported.

        Resources in use that the host does not offer any more follow their class up or down
        the tree where they can, and else stay without admitting anything new. False when
        nothing had to be changed; raises `Conflict` for a name or a class of others.
        """
        node_id = report.resources.uuid
        if report.fingerprint is not None and self.is_current(node_id, report.fingerprint):
            return False
        memory = self._remember(node_id)
        tree = self._locked_tree(node_id)
        ids, changed = self._place(report, tree)
        tree = self._tree(node_id)
        parts = _parts(report, ids, disabled=disabled)
        _add(report.additions, parts, tree, memory)
        for provider_id in memory.keys() & tree.keys() - parts.keys():
            parts[provider_id] = _unreported(memory[provider_id], tree[provider_id])
        self._ensure_names(parts.values())
        touched = self._sync_inventories(parts, tree, memory, report.initial_ratios)
        touched |= self._sync_traits(parts, tree, memory)
        for provider_id in sorted(touched):
            self._changed(provider_id)
        kept = self._sweep(parts)
        self._note(
            node_id,
            report.fingerprint,
            {provider_id: parts[provider_id].remembered for provider_id in kept},
        )
        return changed or bool(touched) or len(kept) < len(parts)

    def mark_host(self, node_id: str, *, disabled: bool) -> None:
        """Tell by a trait of its provider whether a host is disabled."""
        try:
            self._lock(node_id)
        except errors.NotFound:
            # The next report makes it, marked.
            return
        traits = set(self.provider(node_id).traits)
        if (DISABLED in traits) is not disabled:
            self._set_traits(node_id, traits ^ {DISABLED})
            self._changed(node_id)

    def remove_host(self, node_id: str) -> None:
        """Remove a node's provider with its components; raises `Conflict` while any is in use."""
        memory = self._remember(node_id)
        tree = self._locked_tree(node_id)
        own = {each for each, item in memory.items() if item.own} | {node_id}
        for provider_id in _deepest_first(own & tree.keys(), tree):
            self.delete_provider(provider_id)
        self._forget_report(node_id)

    def _locked_tree(self, node_id: str) -> dict[str, Provider]:
        for provider_id in sorted(self._tree(node_id)):
            with contextlib.suppress(errors.NotFound):
                self._lock(provider_id)
        return self._tree(node_id)

    def _tree(self, node_id: str) -> dict[str, Provider]:
        found = self._providers(P.id == node_id)
        if not found:
            return {}
        return {each.id: each for each in self._providers(P.root_id == found[0].root_id)}

    def _place(
        self, report: HostReport, tree: Mapping[str, Provider]
    ) -> tuple[dict[str | None, str], bool]:
        """Make what is missing; return ids by name (None: the node), and whether it did."""
        node = report.resources
        root = tree.get(node.uuid)
        changed = root is None or root.name != node.hypervisor_hostname
        if changed:
            self._name_root(node.uuid, node.hypervisor_hostname, create=root is None)
        known = {provider.name: provider for provider in tree.values()}
        ids: dict[str | None, str] = {None: node.uuid}
        for component in node.components:
            if component.name in ids or component.parent not in ids:
                raise errors.Invalid(
                    f"The host reports {component.name} twice, or before what it is below."
                )
            parent_id = ids[component.parent]
            found = known.get(component.name)
            if found is None:
                ids[component.name] = self._add_component(component.name, parent_id)
                changed = True
                continue
            ids[component.name] = found.id
            if found.parent_id != parent_id:
                self._change(
                    PutProvider(id=found.id, name=component.name, parent_id=parent_id, create=False)
                )
                changed = True
        return ids, changed

    def _sync_inventories(
        self,
        parts: Mapping[str, _Part],
        tree: Mapping[str, Provider],
        memory: Mapping[str, Remembered],
        initial_ratios: Iterable[str],
    ) -> set[str]:
        proposed = frozenset(initial_ratios)
        offered = {
            provider_id: _offered(part, tree[provider_id].inventories, proposed)
            for provider_id, part in parts.items()
        }
        touched = set()
        for provider_id in sorted(parts):
            present = tree[provider_id].inventories
            if any(item != present.get(name) for name, item in offered[provider_id].items()):
                self._write(provider_id, offered[provider_id], present)
                touched.add(provider_id)
        self._follow(parts, tree, offered)
        now = self._inventories(sorted(parts))
        for provider_id, part in sorted(parts.items()):
            present = now.get(provider_id, {})
            gone = present.keys() - part.inventories.keys()
            if not part.own:
                gone &= set(memory[provider_id].classes if provider_id in memory else ())
            part.left = tuple(sorted(name for name in gone if present[name].used))
            if self._withdraw(provider_id, {name: present[name] for name in gone}):
                touched.add(provider_id)
        return touched

    def _follow(
        self,
        parts: Mapping[str, _Part],
        tree: Mapping[str, Provider],
        offered: Mapping[str, Mapping[str, Inventory]],
    ) -> None:
        own = {provider_id for provider_id, part in parts.items() if part.own}
        before = {provider_id: tree[provider_id].inventories for provider_id in own}
        after = {provider_id: offered[provider_id] for provider_id in own}
        parents = {provider_id: provider.parent_id for provider_id, provider in tree.items()}
        for shift in shifts(before, after, parents):
            # What an earlier shift has brought to an heir counts.
            now = self._inventories(sorted(shift.heirs))
            heirs = {
                heir: {name: now[heir][name] for name in gained}
                for heir, gained in shift.heirs.items()
            }
            found = self.allocations(AllocationQuery(provider_id=shift.provider_id)).allocations
            consumers = tuple(each.consumer_id for each in found)
            held = self.allocations(AllocationQuery(consumers=consumers)).allocations
            moving = moved(dataclasses.replace(shift, heirs=heirs), held)
            if moving:
                LOG.info("%d consumers move in the tree of %s", len(moving), shift.provider_id)
                self._apply(self._changes(moving, check=False))

    def _withdraw(self, provider_id: str, present: Mapping[str, Inventory]) -> bool:
        """Take inventories away; those in use stay, and admit nothing new."""
        self._remove(provider_id, {name for name, item in present.items() if not item.used})
        closed = {
            name: dataclasses.replace(item, reserved=item.total)
            for name, item in present.items()
            if item.used and item.reserved != item.total
        }
        self._write(provider_id, closed, present)
        return bool(closed) or any(not item.used for item in present.values())

    def _sync_traits(
        self,
        parts: Mapping[str, _Part],
        tree: Mapping[str, Provider],
        memory: Mapping[str, Remembered],
    ) -> set[str]:
        touched = set()
        for provider_id, part in sorted(parts.items()):
            present = set(tree[provider_id].traits)
            once = set(memory[provider_id].traits) if provider_id in memory else set()
            wanted = (present - once - part.lacking) | part.traits
            if wanted != present:
                self._set_traits(provider_id, wanted)
                touched.add(provider_id)
        return touched

    def _sweep(self, parts: Mapping[str, _Part]) -> set[str]:
        """Delete components that are gone; return the ids of the providers that are left."""
        left = set(parts)
        gone = {provider_id for provider_id, part in parts.items() if part.gone}
        tree = {each.id: each for each in self._providers(P.id.in_(sorted(parts)))}
        for provider_id in _deepest_first(gone, tree):
            part = parts[provider_id]
            if not part.own:
                if not part.inventories and not part.traits:
                    left.discard(provider_id)
                continue
            with contextlib.suppress(errors.Conflict):
                super().delete_provider(provider_id)
                left.discard(provider_id)
        return left

    def _ensure_names(self, parts: Iterable[_Part]) -> None:
        for part in parts:
            # A standard name of a newer release than ours means nothing here.
            part.traits = {
                name for name in part.traits if name.startswith(CUSTOM) or name in standard_traits()
            }
            for name in sorted(each for each in part.traits if each.startswith(CUSTOM)):
                self.ensure_trait(name)
            for name in sorted(each for each in part.inventories if each.startswith(CUSTOM)):
                self.ensure_resource_class(name)
        self._check_classes({name for part in parts for name in part.inventories})


def _parts(
    report: HostReport, ids: Mapping[str | None, str], *, disabled: bool
) -> dict[str, _Part]:
    node = report.resources
    root = _Part(
        inventories=dict(node.inventories),
        traits=set(node.traits) | ({DISABLED} if disabled else set()),
        lacking=frozenset(node.lacking) | (frozenset() if disabled else {DISABLED}),
    )
    components = {
        ids[each.name]: _Part(inventories=dict(each.inventories), traits=set(each.traits))
        for each in node.components
    }
    return {node.uuid: root, **components}


def _add(
    additions: Iterable[Addition],
    parts: dict[str, _Part],
    tree: Mapping[str, Provider],
    memory: Mapping[str, Remembered],
) -> None:
    by_name = {provider.name: provider.id for provider in tree.values()}
    for addition in additions:
        provider_id = by_name.get(addition.provider, addition.provider)
        if provider_id not in tree:
            LOG.warning("the host has no provider %s that could be added to", addition.provider)
            continue
        part = parts.get(provider_id)
        if part is None:
            part = parts[provider_id] = _Part(inventories={}, traits=set(), own=False)
        taken = set(part.inventories)
        if not part.own:
            mine = memory[provider_id].classes if provider_id in memory else ()
            taken |= tree[provider_id].inventories.keys() - set(mine)
        if both := sorted(taken & addition.inventories.keys()):
            raise errors.Conflict(
                f"Provider {addition.provider} has an inventory of {', '.join(both)} already."
            )
        part.inventories.update(addition.inventories)
        part.traits.update(addition.traits)


def _unreported(known: Remembered, provider: Provider) -> _Part:
    """Return what becomes of a provider that the host does not tell of any more.

    A device that was used and not freed since stays, or it would come back as a new one.
    """
    used = {name: item for name, item in provider.inventories.items() if item.reserved}
    if known.own and ONE_TIME_USE in known.traits and used:
        return _Part(inventories=used, traits=set(known.traits))
    return _Part(inventories={}, traits=set(), own=known.own, gone=True)


def _offered(
    part: _Part, present: Mapping[str, Inventory], proposed: frozenset[str]
) -> dict[str, Inventory]:
    """Return reported inventories with what stays of those on record: use, reserve, ratio."""
    found = {}
    # A device that was used is so under another class, too.
    spent = ONE_TIME_USE in part.traits and any(
        item.used or item.reserved >= item.total for item in present.values()
    )
    for name, item in part.inventories.items():
        old = present.get(name)
        found[name] = dataclasses.replace(
            item,
            used=0 if old is None else old.used,
            reserved=item.total if spent else item.reserved,
            allocation_ratio=old.allocation_ratio
            if old and name in proposed
            else item.allocation_ratio,
        )
    return found


def _deepest_first(ids: Iterable[str], tree: Mapping[str, Provider]) -> list[str]:
    def depth(provider_id: str) -> int:
        steps, parent = 0, tree[provider_id].parent_id
        while parent is not None and parent in tree and steps <= len(tree):
            steps, parent = steps + 1, tree[parent].parent_id
        return steps

    return sorted((each for each in ids if each in tree), key=lambda each: (-depth(each), each))
