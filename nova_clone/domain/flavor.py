"""What a server is made of: the flavor."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flavor:
    """Sizes that a server may have.

    ``ram`` and ``swap`` are in MiB, ``disk`` and ``ephemeral`` in GiB. ``id`` is
    the name by which the API knows the flavor; a server keeps its own copy.
    """

    id: str
    name: str
    vcpus: int
    ram: int
    disk: int
    ephemeral: int = 0
    swap: int = 0
    rxtx_factor: float = 1.0
    public: bool = True
    disabled: bool = False
    description: str | None = None
    extra_specs: Mapping[str, str] = dataclasses.field(default_factory=dict)
    created_at: datetime | None = None
    updated_at: datetime | None = None
    #: The store's own number of the row, shown nowhere.
    number: int = 0
