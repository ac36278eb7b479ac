"""Requests, and clouds that they are asked of."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from nova_clone.contracts.placement import CandidateQuery
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.host import Aggregate
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.domain.resources import RequestGroup
from nova_clone.scheduler.prefilters.base import RequestSettings
from nova_clone.scheduler.requests import candidate_query

FLAVOR = Flavor(id="1", name="m1", vcpus=4, ram=2048, disk=20)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FixedCloud:
    """Aggregates and compute nodes (host, node, provider) that do not change."""

    aggregates: tuple[Aggregate, ...] = ()
    nodes: tuple[tuple[str, str, str], ...] = ()

    def providers_of(self, host: str | None, node: str | None) -> tuple[str, ...]:
        """Return the providers of nodes with these names."""
        return tuple(
            provider_id
            for each_host, each_node, provider_id in self.nodes
            if host in (None, each_host) and node in (None, each_node)
        )


def an_aggregate(number: int, metadata: Mapping[str, str] | None = None) -> Aggregate:
    """Return an aggregate whose UUID is ``agg-<number>``."""
    return Aggregate(
        id=number, uuid=f"agg-{number}", name=f"aggregate {number}", metadata=metadata or {}
    )


def a_spec(
    extra_specs: Mapping[str, str] | None = None,
    image: Mapping[str, str] | None = None,
    **changes: Any,
) -> RequestSpec:
    """Return a request with these extra specs and image properties."""
    flavor = dataclasses.replace(FLAVOR, **changes.pop("flavor", {}), extra_specs=extra_specs or {})
    project_id = changes.pop("project_id", "project-1")
    return RequestSpec(
        flavor=flavor, project_id=project_id, image_properties=image or {}, **changes
    )


def ask(spec: RequestSpec, cloud: FixedCloud | None = None, **settings: Any) -> CandidateQuery:
    """Return the query for a request."""
    return candidate_query(spec, cloud or FixedCloud(), RequestSettings(**settings))


def groups_of(query: CandidateQuery) -> dict[str, RequestGroup]:
    """Return a query's groups by suffix."""
    return {group.suffix: group for group in query.groups}
