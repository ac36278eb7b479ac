"""What the ports of a server get of the resources that were claimed for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.conductor.workflows.tickets import environment
from nova_clone.contracts.placement_store import AllocationQuery
from nova_clone.contracts.scheduler import HostChoice
from nova_clone.domain.errors import TryElsewhere
from nova_clone.domain.port import RequestedNetwork, RequestedNetworks
from nova_clone.domain.resources import Amounts
from nova_clone.workflow.step import StepContext


def with_allocations(
    ctx: StepContext, networks: RequestedNetworks, choices: Sequence[HostChoice], *, host: str
) -> RequestedNetworks:
    """Return the networks, with the providers that give their ports what these need.

    The choice that was claimed is the one on `host` with what the server holds now. Raises
    `TryElsewhere` when there is none: somebody has changed what it holds.
    """
    if not any(item.request_groups for item in networks.items):
        return networks
    held = environment(ctx).store.read(lambda work: _held(work, ctx.subject))
    for choice in choices:
        if choice.host == host and _real(choice.allocation) == held:
            items = tuple(_with_allocation(item, choice.mappings) for item in networks.items)
            return dataclasses.replace(networks, items=items)
    raise TryElsewhere("The server's allocation is not the one that was claimed", host=host)


def _held(work: UnitOfWork, server_id: str) -> dict[str, dict[str, int]]:
    found = work.placement.allocations(AllocationQuery(consumers=(server_id,))).allocations
    return _real(found[0].resources) if found else {}


def _real(resources: Mapping[str, Amounts]) -> dict[str, dict[str, int]]:
    """Leave out providers of which a group asks for traits alone."""
    return {provider: dict(amounts) for provider, amounts in resources.items() if amounts}


def _with_allocation(
    item: RequestedNetwork, mappings: Mapping[str, tuple[str, ...]]
) -> RequestedNetwork:
    suffixes = (group.suffix for group in item.request_groups)
    chosen = {suffix: mappings[suffix][0] for suffix in suffixes if mappings.get(suffix)}
    return dataclasses.replace(item, allocation=chosen)
