"""How many servers of one kind fit into a host's NUMA cells and devices, one after the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from nova_clone.domain.placing import Needs, Space, place, taken_devices
from nova_clone.domain.topology.cpuset import format_cpuset, parse_cpuset
from nova_clone.domain.topology.fit import Misfit
from nova_clone.domain.topology.host import CellUse, usage


def places(space: Space, needs: Needs, most: int) -> tuple[int, str | None]:
    """Return how many fit, at most `most`, and what stops the next if that is fewer."""
    for count in range(most):
        found = place(space, needs)
        if isinstance(found, Misfit):
            return count, found.reason
        fits = () if found.topology is None else (found.topology,)
        space = dataclasses.replace(
            space,
            used=_together(space.used, usage(fits)),
            pci_used=space.pci_used.union(taken_devices((found,))),
        )
    return most, None


def _together(before: Sequence[CellUse], more: Sequence[CellUse]) -> tuple[CellUse, ...]:
    found = {use.id: use for use in before}
    for use in more:
        found[use.id] = _sum(found[use.id], use) if use.id in found else use
    return tuple(found[number] for number in sorted(found))


def _sum(one: CellUse, other: CellUse) -> CellUse:
    return CellUse(
        id=one.id,
        pinned=format_cpuset(parse_cpuset(one.pinned) | parse_cpuset(other.pinned)),
        shared_cpus=one.shared_cpus + other.shared_cpus,
        memory_mb=one.memory_mb + other.memory_mb,
        pages={
            size: one.pages.get(size, 0) + other.pages.get(size, 0)
            for size in one.pages.keys() | other.pages.keys()
        },
    )
