"""NUMATopologyFilter."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.placing import could_place, needs_of
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.base import Predicate
from nova_clone.scheduler.filters.hardware import aliases, space
from nova_clone.scheduler.settings import SchedulerSettings


class NUMATopologyFilter:
    """Hosts on whose NUMA cells the server fits: processors, pages, memory, devices near by."""

    name: ClassVar[str] = "NUMATopologyFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern servers that ask for cells, processors of their own or a size of pages."""
        needs = needs_of(spec.flavor, spec.image_properties, aliases(settings.pci_aliases))
        if needs.topology is None:
            return None
        return lambda view: could_place(space(view), needs)
