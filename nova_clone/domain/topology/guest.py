"""The topology that a server asks for."""

from __future__ import annotations

import dataclasses
import enum


class CpuPolicy(enum.Enum):
    """Whether a server's processors are its own."""

    SHARED = "shared"
    DEDICATED = "dedicated"
    MIXED = "mixed"


class ThreadPolicy(enum.Enum):
    """What dedicated processors have to do with the threads of a core."""

    PREFER = "prefer"
    ISOLATE = "isolate"
    REQUIRE = "require"


class EmulatorPolicy(enum.Enum):
    """Where the work of the emulator itself runs; without one, on the server's processors."""

    SHARE = "share"
    ISOLATE = "isolate"


class PageChoice(enum.Enum):
    """A wish for pages that does not name a size."""

    SMALL = "small"
    LARGE = "large"
    ANY = "any"


@dataclasses.dataclass(frozen=True, kw_only=True)
class GuestCell:
    """One NUMA cell of a guest: which of its processors, how much memory in MiB.

    ``dedicated`` are the processors that get host processors of their own, ``shared`` the
    others.
    """

    id: int
    memory_mb: int
    shared: frozenset[int] = frozenset()
    dedicated: frozenset[int] = frozenset()

    @property
    def cpus(self) -> frozenset[int]:
        """Return every processor of the cell."""
        return self.shared | self.dedicated


@dataclasses.dataclass(frozen=True, kw_only=True)
class GuestTopology:
    """Everything that a server asks for of the host's cells.

    A page size is in KiB; with neither ``page_size_kb`` nor ``page_choice`` memory is
    ordinary. ``realtime`` are the guest's processors with real-time priority.
    """

    cells: tuple[GuestCell, ...]
    page_size_kb: int | None = None
    page_choice: PageChoice | None = None
    cpu_policy: CpuPolicy = CpuPolicy.SHARED
    thread_policy: ThreadPolicy | None = None
    emulator_policy: EmulatorPolicy | None = None
    realtime: frozenset[int] = frozenset()

    @property
    def dedicated_cpus(self) -> int:
        """Return how many host processors of its own the guest needs, the emulator's included."""
        own = sum(len(cell.dedicated) for cell in self.cells)
        return own + (self.emulator_policy is EmulatorPolicy.ISOLATE)

    def extra_cpus(self, cell: GuestCell) -> int:
        """Return how many processors `cell` needs beside its own: the emulator's, in the first."""
        isolated = self.emulator_policy is EmulatorPolicy.ISOLATE
        return int(isolated and cell.id == self.cells[0].id)
