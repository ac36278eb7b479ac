"""What a server lacks of the allocation that it should have. Pure.

Parts of it come from providers below its node: what its ports need, its devices, the context
of encrypted memory. Where one provider alone can give such a part, it is known whose it is.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import os_resource_classes

from nova_clone.domain.errors import Conflict
from nova_clone.domain.pci.device import PciPool
from nova_clone.domain.pci.provider import class_text, provider_name
from nova_clone.domain.port import PortNeeds
from nova_clone.domain.resources import Amounts, Provider, RequestGroup, known_or_custom

_CLASSES = frozenset(os_resource_classes.STANDARDS)
Holdings = Mapping[str, Amounts]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PortChange:
    """The providers of a port's groups, by suffix: which it was told, and which it shall be."""

    port_id: str
    before: Mapping[str, str]
    after: Mapping[str, str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What a server is to hold instead of ``before``, and what its ports are to be told."""

    before: Holdings
    resources: Holdings
    ports: tuple[PortChange, ...] = ()


class Tally:
    """The allocation of a server in the making, and the room that it leaves in its host's tree.

    ``before`` is what the server holds now, all of which is replaced by what begins as
    ``base``. Of that, ``base``, each part is accounted for once.
    """

    def __init__(self, tree: Iterable[Provider], *, before: Holdings, base: Holdings) -> None:
        self._tree = {provider.id: provider for provider in tree}
        self._before = before
        self._spare = {each: dict(amounts) for each, amounts in base.items()}
        self.resources = {each: dict(amounts) for each, amounts in base.items()}

    def add_devices(self, node: str, devices: Sequence[tuple[str, PciPool]]) -> None:
        """Account for devices that the server has; those that are no providers hold nothing.

        ``node`` is the name of the host's provider.
        """
        by_name = {provider.name: provider.id for provider in self._tree.values()}
        for address, pool in devices:
            provider_id = by_name.get(provider_name(node, pool.parent or address))
            if provider_id is not None:
                self._account(provider_id, {known_or_custom(class_text(pool), _CLASSES): 1})

    def add_port(self, port: PortNeeds) -> dict[str, str]:
        """Account for what a port needs; return the provider of each of its groups.

        Raises `Conflict` when no provider can give it, or when several could.
        """
        chosen = {
            group.suffix: port.allocation[group.suffix]
            for group in port.request_groups
            if port.allocation.get(group.suffix) in self._tree
        }
        if len(chosen) < len(port.request_groups):
            chosen = self._search(port, chosen)
        for group in port.request_groups:
            self._account(chosen[group.suffix], group.resources)
        return chosen

    def _account(self, provider_id: str, amounts: Amounts) -> None:
        spare = self._spare.setdefault(provider_id, {})
        there = self.resources.setdefault(provider_id, {})
        for name, amount in amounts.items():
            known = min(spare.get(name, 0), amount)
            spare[name] = spare.get(name, 0) - known
            there[name] = there.get(name, 0) + amount - known

    def _search(self, port: PortNeeds, known: Mapping[str, str]) -> dict[str, str]:
        # What the server holds already, but its port was not told, goes before what is free.
        for gives in (self._holds, self._has_room):
            found = list(itertools.islice(self._ways(port, known, gives), 2))
            if len(found) == 1:
                return found[0]
            if found:
                raise Conflict(f"More than one provider could give {port.port_id} what it needs.")
        raise Conflict(f"No provider can give {port.port_id} what it needs.")

    def _ways(
        self,
        port: PortNeeds,
        known: Mapping[str, str],
        gives: Callable[[str, Amounts], bool],
    ) -> Iterator[dict[str, str]]:
        options = [
            [known[group.suffix]]
            if group.suffix in known
            else [each for each in self._with_traits(group) if gives(each, group.resources)]
            for group in port.request_groups
        ]
        for providers in itertools.product(*options):
            pairs = list(zip(port.request_groups, providers, strict=True))
            chosen = {group.suffix: provider_id for group, provider_id in pairs}
            new = [
                (provider_id, group) for group, provider_id in pairs if group.suffix not in known
            ]
            if self._are_close(port, chosen) and all(
                gives(provider_id, amounts) for provider_id, amounts in _totals(new).items()
            ):
                yield chosen

    def _with_traits(self, group: RequestGroup) -> Iterator[str]:
        for provider in self._tree.values():
            traits = frozenset(provider.traits)
            if all(not traits.isdisjoint(any_of) for any_of in group.required):
                yield provider.id

    def _holds(self, provider_id: str, amounts: Amounts) -> bool:
        spare = self._spare.get(provider_id, {})
        return all(spare.get(name, 0) >= amount for name, amount in amounts.items())

    def _has_room(self, provider_id: str, amounts: Amounts) -> bool:
        inventories = self._tree[provider_id].inventories
        given_back = self._before.get(provider_id, {})
        taken = self.resources.get(provider_id, {})
        return all(
            name in inventories
            and amount <= inventories[name].free + given_back.get(name, 0) - taken.get(name, 0)
            for name, amount in amounts.items()
        )

    def _are_close(self, port: PortNeeds, chosen: Mapping[str, str]) -> bool:
        """Tell whether providers that must be in one subtree are one of them and others below."""
        return all(
            any(all(top in self._line(each) for each in together) for top in together)
            for suffixes in port.same_subtree
            if (together := {chosen[suffix] for suffix in suffixes if suffix in chosen})
        )

    def _line(self, provider_id: str) -> set[str]:
        """Return a provider with all that it is below."""
        found: set[str] = set()
        at: str | None = provider_id
        while at is not None and at in self._tree and at not in found:
            found.add(at)
            at = self._tree[at].parent_id
        return found


def _totals(wanted: Iterable[tuple[str, RequestGroup]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for provider_id, group in wanted:
        amounts = found.setdefault(provider_id, {})
        for name, amount in group.resources.items():
            amounts[name] = amounts.get(name, 0) + amount
    return found
