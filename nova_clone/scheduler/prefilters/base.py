"""What a prefilter is: a pure step from a request to further demands on candidates."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import os_traits

from nova_clone.contracts.placement import CandidateQuery
from nova_clone.contracts.scheduler import Explanation, Removal
from nova_clone.domain.errors import NoValidHost
from nova_clone.domain.host import Aggregate
from nova_clone.domain.request_spec import RequestSpec


@dataclasses.dataclass(frozen=True, kw_only=True)
class RequestSettings:
    """Settings of requests, by the names of the options in ``[scheduler]``.

    ``placed_aliases`` is ``[pci] alias`` when Placement is asked for devices.
    """

    max_placement_results: int = 1000
    default_zone: str = "nova"
    limit_tenants_to_placement_aggregate: bool = False
    placement_aggregate_required_for_tenants: bool = False
    query_placement_for_image_type_support: bool = False
    query_placement_for_routed_network_aggregates: bool = False
    enable_isolated_aggregate_filtering: bool = False
    image_metadata_prefilter: bool = False
    placed_aliases: tuple[str, ...] = ()


_FROM_ELSEWHERE = frozenset({"default_zone", "placed_aliases"})


def request_settings(conf: Any) -> RequestSettings:
    """Return the settings that a configuration asks for."""
    names = {field.name for field in dataclasses.fields(RequestSettings)} - _FROM_ELSEWHERE
    return RequestSettings(
        default_zone=conf.default_availability_zone,
        **{name: conf.scheduler[name] for name in names},
    )


class Cloud(Protocol):
    """What the scheduler knows of hosts and aggregates."""

    @property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """Return every host aggregate."""

    def providers_of(self, host: str | None, node: str | None) -> tuple[str, ...]:
        """Return the root providers of compute nodes by host name, node name or both."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ask:
    """One request: ``query`` is what flavor, image and ports ask for by themselves."""

    spec: RequestSpec
    query: CandidateQuery
    cloud: Cloud
    settings: RequestSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class Demand:
    """What candidates must fulfil beside the query.

    Each item of ``member_of`` names aggregates one of which the host must be in.
    ``forbidden`` maps suffixes of groups to traits that their providers may not have.
    """

    root_required: frozenset[str] = frozenset()
    root_forbidden: frozenset[str] = frozenset()
    member_of: tuple[frozenset[str], ...] = ()
    forbidden_aggregates: frozenset[str] = frozenset()
    forbidden: Mapping[str, frozenset[str]] = dataclasses.field(default_factory=dict)


Prefilter = Callable[[Ask], Demand | None]


def with_demand(query: CandidateQuery, demand: Demand) -> CandidateQuery:
    """Return the query with one more demand on it."""
    groups = query.groups
    if demand.forbidden:
        groups = tuple(
            dataclasses.replace(
                group,
                forbidden=group.forbidden | demand.forbidden.get(group.suffix, frozenset()),
            )
            for group in groups
        )
    return dataclasses.replace(
        query,
        groups=groups,
        root_required=query.root_required | demand.root_required,
        root_forbidden=query.root_forbidden | demand.root_forbidden,
        root_member_of=query.root_member_of + demand.member_of,
        root_forbidden_aggregates=query.root_forbidden_aggregates | demand.forbidden_aggregates,
    )


def known_trait(name: str) -> str | None:
    """Return the standard trait with this name, written in any case, if there is one."""
    trait = name.upper().replace("-", "_").replace(".", "_")
    return trait if trait in _STANDARD else None


def root_traits(*traits: str | None) -> Demand | None:
    """Return the demand that the host has all of these traits."""
    wanted = frozenset(trait for trait in traits if trait is not None)
    return Demand(root_required=wanted) if wanted else None


def nowhere(reason: str) -> NoValidHost:
    """Return the error for a request that no host can fulfil, whatever Placement says."""
    explanation = Explanation(removals=(Removal(reason=reason, count=0),))
    return NoValidHost(explanation=dataclasses.asdict(explanation))


_STANDARD = frozenset(os_traits.get_traits())
