"""Sets of processors as text: ``0-3,8,^2``."""

from __future__ import annotations

from collections.abc import Iterable

from nova_clone.domain.errors import Invalid

#: Larger numbers are mistakes, and would cost memory.
MAX_CPU = 65_535


def parse_cpuset(text: str) -> frozenset[int]:
    """Return the processors that a list names; ``^`` takes some out again.

    Raises `Invalid` for what is no list of processors.
    """
    included: set[int] = set()
    excluded: set[int] = set()
    for item in text.split(","):
        part = item.strip()
        if not part:
            continue
        out = part.startswith("^")
        numbers = _numbers(part.removeprefix("^"), text)
        if out:
            excluded.update(numbers)
        else:
            included.update(numbers)
    return frozenset(included - excluded)


def _numbers(part: str, text: str) -> Iterable[int]:
    first, dash, last = (word.strip() for word in part.partition("-"))
    ends = (first, last) if dash else (first, first)
    if not all(end.isascii() and end.isdigit() and len(end) <= len(str(MAX_CPU)) for end in ends):
        raise Invalid(f"{text!r} is not a list of CPUs.")
    low, high = int(ends[0]), int(ends[1])
    if low > high or high > MAX_CPU:
        raise Invalid(f"{text!r} is not a list of CPUs: {part!r} is out of range.")
    return range(low, high + 1)


def format_cpuset(cpus: Iterable[int]) -> str:
    """Return processors as the shortest list that names them, in order."""
    parts: list[str] = []
    ordered = sorted(set(cpus))
    start = 0
    for place, cpu in enumerate(ordered):
        last = place + 1 == len(ordered) or ordered[place + 1] != cpu + 1
        if last:
            first = ordered[start]
            parts.append(str(cpu) if first == cpu else f"{first}-{cpu}")
            start = place + 1
    return ",".join(parts)
