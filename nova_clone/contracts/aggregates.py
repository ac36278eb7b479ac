"""The conductor's part of host aggregates."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Protocol

from nova_clone.domain import errors
from nova_clone.domain.host import Aggregate
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.image import Image
from nova_clone.rpc.contract import call, cast


@dataclasses.dataclass(frozen=True, kw_only=True)
class AggregateRef:
    """One aggregate by its number."""

    id: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class CreateAggregate:
    """Make an aggregate, with an availability zone or without."""

    name: str
    availability_zone: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class UpdateAggregate:
    """Rename an aggregate, set items of its metadata, and drop those that are ``None``.

    The item ``availability_zone`` is the aggregate's zone.
    """

    id: int
    name: str | None = None
    metadata: Mapping[str, str | None] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class AggregateMember:
    """An aggregate and a host."""

    id: int
    host: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class CacheAggregateImages:
    """Have the hosts of an aggregate fetch images in advance."""

    id: int
    image_ids: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImagesCached:
    """A host is done with these images; one of those behind it is to go on."""

    images: tuple[Image, ...]
    then: tuple[str, ...] = ()


class AggregateVerbs(Protocol):
    """Host aggregates. Placement knows them by the same UUIDs."""

    @call(since="1.0", timeout=60, raises=(errors.NotFound,))
    def show_aggregate(self, context: RequestContext, request: AggregateRef, /) -> Aggregate:
        """Return an aggregate."""

    @call(since="1.0", timeout=60, raises=(errors.AlreadyExists, errors.Invalid))
    def create_aggregate(self, context: RequestContext, request: CreateAggregate, /) -> Aggregate:
        """Make an aggregate; names are unique."""

    @call(since="1.0", timeout=60, raises=(errors.NotFound, errors.AlreadyExists, errors.Invalid))
    def update_aggregate(self, context: RequestContext, request: UpdateAggregate, /) -> Aggregate:
        """Change an aggregate. A zone that servers are in keeps its name (`Invalid`)."""

    @call(since="1.0", timeout=60, raises=(errors.NotFound, errors.Invalid, errors.Conflict))
    def delete_aggregate(self, context: RequestContext, request: AggregateRef, /) -> None:
        """Delete an aggregate without hosts."""

    @call(since="1.0", timeout=60, raises=(errors.NotFound, errors.Conflict))
    def add_aggregate_host(self, context: RequestContext, request: AggregateMember, /) -> Aggregate:
        """Add a host, unless it would then be in two zones."""

    @call(since="1.0", timeout=60, raises=(errors.NotFound, errors.Conflict))
    def remove_aggregate_host(
        self, context: RequestContext, request: AggregateMember, /
    ) -> Aggregate:
        """Take a host out."""

    @call(
        since="1.0",
        timeout=60,
        raises=(errors.NotFound, errors.Invalid, errors.Forbidden, errors.ExternalFailure),
    )
    def cache_aggregate_images(
        self, context: RequestContext, request: CacheAggregateImages, /
    ) -> None:
        """Begin to bring images to the hosts of an aggregate."""

    @cast(since="1.0")
    def images_cached(self, context: RequestContext, request: ImagesCached, /) -> None:
        """Let the next host have its turn."""
