"""PciPassthroughFilter."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.pci.request import pci_requests
from nova_clone.domain.placing import devices_fit
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.base import Predicate
from nova_clone.scheduler.filters.hardware import aliases, space
from nova_clone.scheduler.settings import SchedulerSettings


class PciPassthroughFilter:
    """Hosts that have the devices of ``pci_passthrough:alias`` free, wherever they are.

    Whether they are near enough to the server's NUMA cells is for NUMATopologyFilter.
    """

    name: ClassVar[str] = "PciPassthroughFilter"

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Predicate | None:
        """Concern servers that ask for devices."""
        requests = pci_requests(spec.flavor, spec.image_properties, aliases(settings.pci_aliases))
        return (lambda view: devices_fit(space(view), requests)) if requests else None
