"""Which processors of a host cell a guest gets for its own."""

from __future__ import annotations

import dataclasses

from nova_clone.domain.topology.guest import ThreadPolicy
from nova_clone.domain.topology.host import CellLayout


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chosen:
    """Processors in the order in which guest processors go to them, core by core."""

    cpus: tuple[int, ...]
    kept_free: frozenset[int] = frozenset()


def choose_cpus(
    cell: CellLayout, free: frozenset[int], count: int, policy: ThreadPolicy | None
) -> Chosen | None:
    """Return `count` of the `free` processors as the policy wants them, or ``None``.

    ``prefer`` (and no policy) fills cores; ``require`` never uses a core of which one thread
    only is free, and leaves at most one guest processor alone on a core; ``isolate`` takes
    one thread a core and keeps the others free.
    """
    if count == 0:
        return Chosen(cpus=())
    if len(free) < count:
        return None
    if policy is ThreadPolicy.ISOLATE:
        return _isolated(cell, free, count)
    parts = [tuple(sorted(core & free)) for core in cell.cores]
    if policy is ThreadPolicy.REQUIRE:
        parts = [part for part in parts if len(part) > 1]
    parts = [part for part in parts if part]
    if sum(map(len, parts)) < count:
        return None
    return Chosen(cpus=_packed(parts, count, pairs=policy is ThreadPolicy.REQUIRE))


def enough_cpus(
    cell: CellLayout, free: frozenset[int], count: int, policy: ThreadPolicy | None
) -> bool:
    """Tell whether `choose_cpus` would find as many."""
    if len(free) < count:
        return False
    if policy is ThreadPolicy.ISOLATE:
        return _isolated(cell, free, count) is not None
    if policy is ThreadPolicy.REQUIRE and count:
        ours = (len(core & free) for core in cell.cores)
        return sum(threads for threads in ours if threads > 1) >= count
    return True


def _isolated(cell: CellLayout, free: frozenset[int], count: int) -> Chosen | None:
    # A core whose other threads serve shared guests is not isolated, however free it looks.
    alone = [core & cell.dedicated for core in cell.cores if not core & cell.shared]
    cores = [core for core in alone if core and core <= free][:count]
    if len(cores) < count:
        return None
    cpus = tuple(min(core) for core in cores)
    return Chosen(cpus=cpus, kept_free=frozenset().union(*cores) - frozenset(cpus))


def _packed(parts: list[tuple[int, ...]], count: int, *, pairs: bool) -> tuple[int, ...]:
    """Fill whole cores, largest first; what is left goes where it leaves least over."""
    chosen: list[int] = []
    waiting = sorted(parts, key=lambda part: (-len(part), part))
    while count:
        whole = [part for part in waiting if len(part) <= count]
        part = whole[0] if whole else min(waiting, key=lambda part: (len(part), part))
        take = min(len(part), count)
        if pairs and take > 2 and count - take == 1:
            take -= 1
        chosen.extend(part[:take])
        waiting.remove(part)
        count -= take
    return tuple(chosen)
