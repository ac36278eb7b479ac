"""How an operator divides a host's processors and pages between servers and the host."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from nova_clone.domain.errors import Invalid
from nova_clone.domain.topology.cpuset import parse_cpuset
from nova_clone.domain.topology.wishes import size_kb


@dataclasses.dataclass(frozen=True, kw_only=True)
class Division:
    """What ``cpu_shared_set``, ``cpu_dedicated_set`` and ``reserved_huge_pages`` say.

    ``None`` for a set that is not configured. ``reserved`` counts pages by cell and size in
    KiB. ``pack`` fills one cell before the next.
    """

    shared: frozenset[int] | None = None
    dedicated: frozenset[int] | None = None
    reserved: Mapping[tuple[int, int], int] = dataclasses.field(default_factory=dict)
    pack: bool = False

    @property
    def configured(self) -> bool:
        """Tell whether the operator has divided the processors."""
        return self.shared is not None or self.dedicated is not None

    def of(self, cpus: frozenset[int]) -> tuple[frozenset[int], frozenset[int]]:
        """Return which of a cell's processors are shared and which may be dedicated."""
        if not self.configured:
            return cpus, frozenset()
        return cpus & (self.shared or frozenset()), cpus & (self.dedicated or frozenset())

    def check(self, online: frozenset[int]) -> None:
        """Raise `Invalid` for processors that the host does not have, or that are off."""
        for name, cpus in (("cpu_shared_set", self.shared), ("cpu_dedicated_set", self.dedicated)):
            missing = (cpus or frozenset()) - online
            if missing:
                raise Invalid(f"[compute] {name} names CPU {min(missing)}, which is not there.")


def parse_division(
    *,
    shared: str | None,
    dedicated: str | None,
    reserved: Iterable[Mapping[str, str]] = (),
    pack: bool = False,
) -> Division:
    """Return what the options say; raises `Invalid` for a CPU in both sets and for no pages."""
    found = Division(
        shared=None if not shared else parse_cpuset(shared),
        dedicated=None if not dedicated else parse_cpuset(dedicated),
        reserved=dict(_reserved(item) for item in reserved),
        pack=pack,
    )
    both = (found.shared or frozenset()) & (found.dedicated or frozenset())
    if both:
        raise Invalid(f"CPU {min(both)} is in [compute] cpu_shared_set and in cpu_dedicated_set.")
    return found


def _reserved(item: Mapping[str, str]) -> tuple[tuple[int, int], int]:
    try:
        node, count = int(item["node"]), int(item["count"])
        size = size_kb(item["size"])
    except (KeyError, ValueError) as error:
        raise Invalid(
            f"reserved_huge_pages = {dict(item)} is not of the form node:0,size:2048,count:64."
        ) from error
    if node < 0 or count < 0 or not size:
        raise Invalid(f"reserved_huge_pages = {dict(item)} is out of range.")
    return (node, size), count
