"""How a guest's processors look to it: sockets, cores, threads."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping

from nova_clone.domain.errors import Invalid
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.topology.wishes import Wishes

_PARTS = ("sockets", "cores", "threads")
_UNLIMITED = 65_536


@dataclasses.dataclass(frozen=True, kw_only=True)
class CpuShape:
    """Sockets of so many cores of so many threads."""

    sockets: int
    cores: int = 1
    threads: int = 1


def cpu_shape(
    flavor: Flavor, image_properties: Mapping[str, str], *, numa_cells: int = 0
) -> CpuShape:
    """Return the shape that flavor and image ask for; a socket per NUMA cell if they do not.

    An image's shape counts only without one in the flavor, and its limits may only be lower
    than the flavor's. Raises `Invalid` when there is no such shape.
    """
    wishes = Wishes(flavor=flavor, image=image_properties)
    limits = _limits(wishes)
    wanted = _wanted(wishes, limits)
    fitting = [
        shape
        for shape in _shapes(wishes.vcpus, limits)
        if all(want is None or got == want for got, want in zip(shape, wanted, strict=True))
    ]
    if not fitting:
        asked = ", ".join(
            f"{name}={want or f'up to {limit}'}"
            for name, want, limit in zip(_PARTS, wanted, limits, strict=True)
            if want is not None or limit < _UNLIMITED
        )
        raise Invalid(f"{flavor.vcpus} CPUs cannot be arranged as {asked}.")
    preferred = [shape for shape in fitting if numa_cells > 1 and shape[0] == numa_cells]
    sockets, cores, threads = max(preferred or fitting, key=lambda shape: (shape[0], shape[1]))
    return CpuShape(sockets=sockets, cores=cores, threads=threads)


def _limits(wishes: Wishes) -> tuple[int, ...]:
    limits = []
    for part in _PARTS:
        ours, theirs = wishes.number(f"cpu_max_{part}")
        if ours is not None and theirs is not None and theirs > ours:
            raise Invalid(
                f"The image's hw_cpu_max_{part}={theirs} exceeds the flavor's"
                f" hw:cpu_max_{part}={ours}."
            )
        limits.append(theirs or ours or _UNLIMITED)
    return tuple(limits)


def _wanted(wishes: Wishes, limits: tuple[int, ...]) -> tuple[int | None, ...]:
    pairs = [wishes.number(f"cpu_{part}") for part in _PARTS]
    for part, limit, pair in zip(_PARTS, limits, pairs, strict=True):
        for prefix, value in zip(("hw:", "hw_"), pair, strict=True):
            if value is not None and value > limit:
                raise Invalid(f"{prefix}cpu_{part}={value} exceeds the limit of {limit}.")
    of_flavor = tuple(ours for ours, _theirs in pairs)
    return of_flavor if any(of_flavor) else tuple(theirs for _ours, theirs in pairs)


def _shapes(vcpus: int, limits: tuple[int, ...]) -> Iterator[tuple[int, int, int]]:
    for threads in _divisors(vcpus):
        for cores in _divisors(vcpus // threads):
            shape = (vcpus // threads // cores, cores, threads)
            if all(got <= limit for got, limit in zip(shape, limits, strict=True)):
                yield shape


def _divisors(number: int) -> list[int]:
    small = [value for value in range(1, math.isqrt(number) + 1) if number % value == 0]
    return sorted({*small, *(number // value for value in small)})
