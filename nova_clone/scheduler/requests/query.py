"""The whole translation: a request's spec becomes a query for candidates."""

from __future__ import annotations

from nova_clone.contracts.placement import CandidateQuery
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.hardware import aliases
from nova_clone.scheduler.prefilters import PREFILTERS
from nova_clone.scheduler.prefilters.base import Ask, Cloud, RequestSettings, with_demand
from nova_clone.scheduler.requests import carried, cpus, destination, devices, extra_specs, guest
from nova_clone.scheduler.requests.draft import Draft
from nova_clone.scheduler.wishes import wishes_of


def candidate_query(spec: RequestSpec, cloud: Cloud, settings: RequestSettings) -> CandidateQuery:
    """Return what Placement is asked for on behalf of a server.

    Raises `Invalid` for a flavor or image that makes no sense, and `NoValidHost` when it
    is plain beforehand that nothing can be found.
    """
    draft = Draft(limit=settings.max_placement_results)
    extra_specs.read(draft, spec.flavor)
    extra_specs.read_image(draft, spec.image_properties)
    extra_specs.add_sizes(draft, spec)
    cpus.add(draft, spec)
    guest.add(draft, wishes_of(spec))
    carried.add(draft, spec)
    if settings.placed_aliases:
        devices.add(draft, spec, aliases(settings.placed_aliases))
    destination.add(draft, spec, cloud)
    ask = Ask(spec=spec, query=draft.query(), cloud=cloud, settings=settings)
    query = ask.query
    for prefilter in PREFILTERS.values():
        demand = prefilter(ask)
        if demand is not None:
            query = with_demand(query, demand)
    return query
