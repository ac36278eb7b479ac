"""Every path of Placement's REST API, and who answers it."""

from __future__ import annotations

from nova_clone.placement.web.aggregates import ProviderAggregates
from nova_clone.placement.web.allocations import (
    Allocations,
    ConsumerAllocations,
    ProviderAllocations,
)
from nova_clone.placement.web.candidates import AllocationCandidates
from nova_clone.placement.web.environment import Environment
from nova_clone.placement.web.inventories import Inventories, OneInventory, ProviderUsages
from nova_clone.placement.web.provider_traits import ProviderTraits
from nova_clone.placement.web.providers import OneProvider, Providers
from nova_clone.placement.web.reshaper import Reshaper
from nova_clone.placement.web.resource_classes import OneResourceClass, ResourceClasses
from nova_clone.placement.web.root import Root
from nova_clone.placement.web.traits import OneTrait, Traits
from nova_clone.placement.web.usages import Usages
from nova_clone.web.app import Route

_PROVIDER = "/resource_providers/{provider_id}"


def routes(env: Environment) -> tuple[Route, ...]:
    """Return the table of routes."""
    return (
        Route("/", Root()),
        Route("/resource_providers", Providers(env)),
        Route(_PROVIDER, OneProvider(env)),
        Route(f"{_PROVIDER}/inventories", Inventories(env)),
        Route(f"{_PROVIDER}/inventories/{{name}}", OneInventory(env)),
        Route(f"{_PROVIDER}/usages", ProviderUsages(env)),
        Route(f"{_PROVIDER}/aggregates", ProviderAggregates(env), since="1.1"),
        Route(f"{_PROVIDER}/allocations", ProviderAllocations(env)),
        Route(f"{_PROVIDER}/traits", ProviderTraits(env), since="1.6"),
        Route("/resource_classes", ResourceClasses(env), since="1.2"),
        Route("/resource_classes/{name}", OneResourceClass(env), since="1.2"),
        Route("/traits", Traits(env), since="1.6"),
        Route("/traits/{name}", OneTrait(env), since="1.6"),
        Route("/allocations", Allocations(env)),
        Route("/allocations/{consumer_id}", ConsumerAllocations(env)),
        Route("/allocation_candidates", AllocationCandidates(env), since="1.10"),
        Route("/usages", Usages(env), since="1.9"),
        Route("/reshaper", Reshaper(env), since="1.30"),
    )
