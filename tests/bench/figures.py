"""Figures of a run: what was measured, and how it is told."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Times:
    """How long something took, in seconds."""

    count: int
    p50: float
    p95: float
    p99: float
    worst: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Times:
        """Return the distribution of at least one measurement."""
        cuts = statistics.quantiles(seconds, n=100, method="inclusive") if seconds[1:] else []
        only = seconds[0]
        return cls(
            count=len(seconds),
            p50=cuts[49] if cuts else only,
            p95=cuts[94] if cuts else only,
            p99=cuts[98] if cuts else only,
            worst=max(seconds),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Phase:
    """One part of a run: its wall clock and what each process spent, in seconds."""

    name: str
    seconds: float
    cpu: dict[str, float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
    """Everything about one run. ``pss`` is in MiB, with workers counted."""

    settings: dict[str, Any]
    servers: int
    phases: list[Phase]
    times: dict[str, Times]
    pss: dict[str, float]

    def as_document(self) -> dict[str, Any]:
        """Return it for JSON."""
        return dataclasses.asdict(self)

    def lines(self) -> list[str]:
        """Return it for people."""
        told = [", ".join(f"{name} {value}" for name, value in self.settings.items()), ""]
        for phase in self.phases:
            if phase.name in ("boot", "delete"):
                rate = self.servers / phase.seconds
                told.append(f"{phase.name}: {rate:.1f} servers/s ({phase.seconds:.1f} s in all)")
        told += ["", f"{'milliseconds':22}{'n':>6}{'p50':>9}{'p95':>9}{'p99':>9}{'worst':>9}"]
        told += [_row(name, times) for name, times in self.times.items()]
        names = [phase.name for phase in self.phases]
        told += ["", f"{'CPU-s':22}" + "".join(f"{name:>9}" for name in names) + "  PSS MiB"]
        for daemon in self.phases[0].cpu:
            spent = "".join(f"{phase.cpu.get(daemon, 0.0):9.2f}" for phase in self.phases)
            told.append(f"{daemon:22}{spent}{self.pss.get(daemon, 0.0):9.1f}")
        ours = [sum(_ours(phase).values()) for phase in self.phases]
        told.append(f"{'daemons together':22}" + "".join(f"{each:9.2f}" for each in ours))
        per_server = "".join(f"{each / self.servers:9.4f}" for each in ours)
        told.append(f"{'  per server':22}{per_server}")
        return told


#: Processes that are not the product's own.
PEERS = ("rabbitmq", "database", "bench")


def _ours(phase: Phase) -> dict[str, float]:
    return {name: spent for name, spent in phase.cpu.items() if name not in PEERS}


def _row(name: str, times: Times) -> str:
    cells = "".join(
        f"{1000 * each:9.1f}" for each in (times.p50, times.p95, times.p99, times.worst)
    )
    return f"{name:22}{times.count:6}{cells}"
