"""Cells, processors and devices of hosts, taken together with the resources."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence

from nova_clone.conductor.settings import ConductorSettings
from nova_clone.conductor.store.placement.claims import Claim
from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.conductor.workflows.grouping import present_group
from nova_clone.conductor.workflows.tickets import environment
from nova_clone.contracts.scheduler import HostChoice
from nova_clone.domain.errors import Conflict, TryElsewhere
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.pci.provider import device_providers, on_providers
from nova_clone.domain.pci.request import PciAlias, parse_aliases
from nova_clone.domain.placing import Needs, needs_of
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.domain.topology.fit import Misfit
from nova_clone.workflow.step import StepContext

#: Of so many hosts the reason is told.
SAMPLE = 5


def claim_place(
    work: UnitOfWork,
    ctx: StepContext,
    spec: RequestSpec,
    choices: Sequence[HostChoice],
    claims: Sequence[Claim],
    *,
    held: bool = False,
) -> int:
    """Claim the first choice with room for the server and return its position.

    With `held` the server most likely holds its first choice already.

    A server that asks for certain cells or devices is given them here, under the lock of the
    host's row: two servers never get the same processor. Raises `Conflict` when the resources
    are gone everywhere, `TryElsewhere` when cells and devices are.
    """
    group = present_group(work, spec)
    needs = needs_in(environment(ctx).settings, spec.flavor, spec.image_properties)
    if not needs:
        if held and work.placement.holds(claims[0], group=group):
            return 0
        return work.placement.claim_first(claims, group=group)
    misfits: dict[str, str] = {}
    for position, choice in enumerate(choices):
        # Whoever holds a host's row waits for no other: others may hold theirs the other way.
        first = position == 0
        there = _as_allocated(work, choice, needs)
        found = work.placings.take(choice.provider_id, ctx.subject, there, wait=first)
        if isinstance(found, Misfit):
            misfits[choice.host] = found.reason
            continue
        try:
            work.placement.claim_first([claims[position]], group=group, wait=first)
        except Conflict as error:
            misfits[choice.host] = error.message
            work.placings.leave(choice.provider_id, ctx.subject)
            continue
        return position
    sample = dict(list(misfits.items())[:SAMPLE])
    raise TryElsewhere(
        "No host has room for the server's NUMA cells and PCI devices",
        lost=len(choices),
        misfits=sample,
    )


def _as_allocated(work: UnitOfWork, choice: HostChoice, needs: Needs) -> Needs:
    """Return the needs, with devices of those providers alone that are to be allocated."""
    providers = device_providers(choice.mappings)
    if not providers:
        return needs
    names = work.placement.provider_names(sorted(set(providers.values())))
    pci = on_providers(needs.pci, providers, names, node=choice.node)
    return dataclasses.replace(needs, pci=pci)


def needs_in(
    settings: ConductorSettings, flavor: Flavor, image_properties: Mapping[str, str]
) -> Needs:
    """Return what a server needs of cells and devices, in the words of this configuration.

    Raises `Invalid` for what contradicts itself and for devices that nobody knows.
    """
    return needs_of(flavor, image_properties, _aliases(settings.pci_aliases))


@functools.lru_cache(maxsize=4)
def _aliases(texts: tuple[str, ...]) -> Mapping[str, PciAlias]:
    return parse_aliases(texts)
