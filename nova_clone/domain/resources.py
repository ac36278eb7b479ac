"""Amounts of resource classes: inventories, allocations, requests for them.

Source: the Placement API reference (resource providers, inventories, allocations).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from datetime import datetime

MAX_INT = 2**31 - 1
#: No capacity counts for more, however large the allocation ratio.
MAX_CAPACITY = 2**63 - 1
VCPU = "VCPU"
PCPU = "PCPU"
MEMORY_MB = "MEMORY_MB"
DISK_GB = "DISK_GB"

Amounts = Mapping[str, int]

CUSTOM = "CUSTOM_"


def known_or_custom(text: str, known: frozenset[str]) -> str:
    """Return the name of a class or trait that a text means: a known one, or a custom one."""
    plain = re.sub(r"[^A-Z0-9_]+", "_", text.strip().upper())
    return plain if plain in known or plain.startswith(CUSTOM) else f"{CUSTOM}{plain}"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """How much of one resource class a provider has, and how it may be cut."""

    total: int
    reserved: int = 0
    min_unit: int = 1
    max_unit: int = MAX_INT
    step_size: int = 1
    allocation_ratio: float = 1.0
    used: int = 0

    @property
    def capacity(self) -> int:
        """Return how much may be handed out altogether."""
        room = (self.total - self.reserved) * self.allocation_ratio
        return int(max(-MAX_CAPACITY, min(room, MAX_CAPACITY)))

    @property
    def free(self) -> int:
        """Return how much is left; negative when the provider is overcommitted."""
        return self.capacity - self.used

    def admits(self, amount: int) -> bool:
        """Tell whether `amount` more fits and has a permitted size."""
        return (
            self.min_unit <= amount <= self.max_unit
            and amount % self.step_size == 0
            and amount <= self.free
        )


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """A resource provider with everything that candidates are computed from."""

    id: str
    name: str
    generation: int = 0
    parent_id: str | None = None
    root_id: str = ""
    inventories: Mapping[str, Inventory] = dataclasses.field(default_factory=dict)
    traits: tuple[str, ...] = ()
    aggregates: tuple[str, ...] = ()
    #: How many consumers hold allocations against it.
    consumers: int = 0
    updated_at: datetime | None = None
    created_at: datetime | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Allocation:
    """Everything that one consumer holds: amounts per provider."""

    consumer_id: str
    resources: Mapping[str, Amounts] = dataclasses.field(default_factory=dict)
    project_id: str | None = None
    user_id: str | None = None
    consumer_type: str | None = None
    #: ``None`` for a consumer that is new.
    consumer_generation: int | None = None
    updated_at: datetime | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class RequestGroup:
    """What must come from one provider (or, unsuffixed, from one tree).

    ``required`` is a conjunction of disjunctions of traits; ``member_of`` likewise
    of aggregates.
    """

    suffix: str = ""
    resources: Amounts = dataclasses.field(default_factory=dict)
    required: tuple[frozenset[str], ...] = ()
    forbidden: frozenset[str] = frozenset()
    member_of: tuple[frozenset[str], ...] = ()
    forbidden_aggregates: frozenset[str] = frozenset()
    in_tree: str | None = None
