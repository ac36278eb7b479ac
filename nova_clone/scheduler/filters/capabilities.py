"""ComputeCapabilitiesFilter."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.base import Predicate
from nova_clone.scheduler.filters.facts import FACTS, fact
from nova_clone.scheduler.filters.operators import matches
from nova_clone.scheduler.settings import SchedulerSettings

SCOPE = "capabilities"


class ComputeCapabilitiesFilter:
    """Hosts whose facts satisfy the flavor's ``capabilities:`` extra specs.

    An extra spec without a scope counts too, when it has the name of a fact.
    """

    name: ClassVar[str] = "ComputeCapabilitiesFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern flavors with such extra specs."""
        wanted = {
            path: value
            for key, value in spec.flavor.extra_specs.items()
            if (path := _path(key)) is not None
        }
        if not wanted:
            return None
        return lambda view: all(
            (found := fact(view, path)) is not None and matches(str(found), value)
            for path, value in wanted.items()
        )


def _path(key: str) -> tuple[str, ...] | None:
    scope, *path = key.split(":")
    if not path:
        return (scope,) if scope in FACTS else None
    return tuple(path) if scope == SCOPE else None
