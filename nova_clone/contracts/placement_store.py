"""The conductor's part of Placement: what was committed, and commits."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from nova_clone.domain import errors
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.resources import Allocation, Inventory, Provider
from nova_clone.rpc.contract import call


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChangesSince:
    """Ask for what changed after change number ``sequence`` (0: everything).

    ``after`` asks for the next page of an answer that was too large for one.
    """

    sequence: int = 0
    after: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlacementChanges:
    """Providers that changed, whole, and the ids of those that are gone.

    ``reset`` tells that ``providers`` is everything and older knowledge is void.
    ``traits`` and ``classes`` (custom ones only) are sent when they changed.
    ``more``: these are not all providers yet; ask for the others with this as ``after``,
    and for what changed after ``sequence`` meanwhile.
    """

    sequence: int
    more: str | None = None
    reset: bool = False
    providers: tuple[Provider, ...] = ()
    removed: tuple[str, ...] = ()
    classes: tuple[NamedRecord, ...] | None = None
    traits: tuple[NamedRecord, ...] | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class NamedRecord:
    """A custom resource class or trait."""

    name: str
    updated_at: datetime | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class PutProvider:
    """Make a provider, or rename or re-parent it.

    ``create`` refuses an id or name that exists. ``parent_id`` equal to ``KEEP``
    leaves the parent alone; ``reparent`` permits changing one that is set (1.37).
    """

    id: str
    name: str
    parent_id: str | None = None
    create: bool = True
    keep_parent: bool = False
    reparent: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProviderRef:
    """One provider by id."""

    id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class PutInventories:
    """Replace the inventories of a provider, all or those named in ``only``.

    A class in ``only`` that is missing from ``inventories`` is removed. ``generation``
    ``None`` means "whatever it is" (`StaleGeneration` otherwise). ``must_exist`` /
    ``must_not_exist`` apply to the classes in ``only``.
    """

    provider_id: str
    inventories: Mapping[str, Inventory] = dataclasses.field(default_factory=dict)
    generation: int | None = None
    only: tuple[str, ...] | None = None
    must_exist: bool = False
    must_not_exist: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class PutTraits:
    """Replace the traits of a provider."""

    provider_id: str
    traits: tuple[str, ...] = ()
    generation: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class PutAggregates:
    """Replace the aggregates of a provider; only with a generation is it bumped."""

    provider_id: str
    aggregates: tuple[str, ...] = ()
    generation: int | None = None
    bump: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class PutAllocations:
    """Replace what these consumers hold, all or nothing.

    With ``check_generation`` each consumer's generation must match (``None``: new);
    without it the last writer wins. ``provider_generations`` may pin providers.
    Raises `Conflict` when capacity is short, `StaleGeneration` on a mismatch.
    """

    allocations: tuple[Allocation, ...]
    check_generation: bool = True
    provider_generations: Mapping[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reshape:
    """Replace inventories and allocations together (``POST /reshaper``)."""

    inventories: tuple[PutInventories, ...]
    allocations: tuple[Allocation, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class AllocationQuery:
    """Allocations by consumers, or of everybody against one provider."""

    consumers: tuple[str, ...] = ()
    provider_id: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Allocations:
    """Found allocations; consumers without any do not appear."""

    allocations: tuple[Allocation, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConsumerRef:
    """One consumer by id."""

    id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class UsageQuery:
    """What a project (or one user of it) uses; ``consumer_type`` may be ``all``."""

    project_id: str
    user_id: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConsumerUsage:
    """Use by the consumers of one type."""

    consumer_type: str | None
    consumers: int
    resources: Mapping[str, int]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Usages:
    """Use of a project by consumer type."""

    usages: tuple[ConsumerUsage, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class NameRef:
    """A custom resource class or trait by name."""

    name: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class RenameClass:
    """A custom resource class by name, and the name it shall have."""

    name: str
    new_name: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ensured:
    """Whether the thing had to be made."""

    created: bool


_WRITES = (
    errors.NotFound,
    errors.Conflict,
    errors.AlreadyExists,
    errors.StaleGeneration,
    errors.Invalid,
)


class PlacementStoreVerbs(Protocol):
    """Reads and commits of Placement's records."""

    @call(since="1.0", timeout=10)
    def placement_changes(
        self, context: RequestContext, request: ChangesSince, /
    ) -> PlacementChanges:
        """Return what was committed after a change number."""

    @call(since="1.0", timeout=60, raises=_WRITES)
    def put_provider(self, context: RequestContext, request: PutProvider, /) -> Provider:
        """Make or change a provider."""

    @call(since="1.0", timeout=60, raises=_WRITES)
    def delete_provider(self, context: RequestContext, request: ProviderRef, /) -> None:
        """Delete a provider without children and allocations."""

    @call(since="1.0", timeout=60, raises=_WRITES)
    def put_inventories(self, context: RequestContext, request: PutInventories, /) -> Provider:
        """Replace inventories; refuses to remove a class that is in use."""

    @call(since="1.0", timeout=60, raises=_WRITES)
    def put_traits(self, context: RequestContext, request: PutTraits, /) -> Provider:
        """Replace traits."""

    @call(since="1.0", timeout=60, raises=_WRITES)
    def put_aggregates(self, context: RequestContext, request: PutAggregates, /) -> Provider:
        """Replace aggregates."""

    @call(since="1.0", timeout=60, raises=_WRITES)
    def put_allocations(self, context: RequestContext, request: PutAllocations, /) -> None:
        """Commit claims, all or nothing."""

    @call(since="1.0", timeout=60, raises=_WRITES)
    def delete_allocations(self, context: RequestContext, request: ConsumerRef, /) -> None:
        """Take away everything that a consumer holds; providers keep their generations."""

    @call(since="1.0", timeout=60, raises=_WRITES)
    def reshape(self, context: RequestContext, request: Reshape, /) -> None:
        """Move inventories and allocations between providers at once."""

    @call(since="1.0", timeout=60, raises=(errors.NotFound,))
    def allocations(self, context: RequestContext, request: AllocationQuery, /) -> Allocations:
        """Return allocations of consumers, or against a provider."""

    @call(since="1.0", timeout=60)
    def usages(self, context: RequestContext, request: UsageQuery, /) -> Usages:
        """Return what a project uses."""

    @call(since="1.0", timeout=60, raises=_WRITES)
    def ensure_resource_class(self, context: RequestContext, request: NameRef, /) -> Ensured:
        """Make a custom resource class unless it exists."""

    @call(since="1.0", timeout=60, raises=_WRITES)
    def rename_resource_class(self, context: RequestContext, request: RenameClass, /) -> None:
        """Rename a custom resource class, also where it is used."""

    @call(since="1.0", timeout=60, raises=_WRITES)
    def delete_resource_class(self, context: RequestContext, request: NameRef, /) -> None:
        """Delete a custom resource class that nobody uses."""

    @call(since="1.0", timeout=60, raises=_WRITES)
    def ensure_trait(self, context: RequestContext, request: NameRef, /) -> Ensured:
        """Make a custom trait unless it exists."""

    @call(since="1.0", timeout=60, raises=_WRITES)
    def delete_trait(self, context: RequestContext, request: NameRef, /) -> None:
        """Delete a custom trait that nobody uses."""
