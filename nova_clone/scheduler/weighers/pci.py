"""PCIWeigher."""

from __future__ import annotations

from typing import ClassVar

from nova_clone.domain.pci.request import pci_requests
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.hardware import aliases, space
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView
from nova_clone.scheduler.weighers.base import Score

#: More devices than this make no difference.
MOST = 1000


class PCIWeigher:
    """Prefers hosts with few free PCI devices, as long as they are enough.

    So servers without devices leave hosts with many to those that want them.
    """

    name: ClassVar[str] = "PCIWeigher"
    multiplier: ClassVar[str] = "pci_weight_multiplier"
    default: ClassVar[float] = 1.0
    floor: ClassVar[float | None] = None

    def prepare(self, spec: RequestSpec, settings: SchedulerSettings) -> Score | None:
        """Concern every request. `Invalid`: it names devices that are not configured."""
        requests = pci_requests(spec.flavor, spec.image_properties, aliases(settings.pci_aliases))
        wanted = sum(request.count for request in requests)

        def score(view: HostView) -> float:
            free = _free(view)
            return -free if free >= wanted else -MOST

        return score


def _free(view: HostView) -> int:
    if not view.hardware.pci:
        return 0
    there = space(view)
    count = sum(address not in there.pci_used for pool in there.pci for address in pool.addresses)
    return min(count, MOST)
