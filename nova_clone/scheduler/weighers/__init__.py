"""Every weigher by its class name."""

from __future__ import annotations

from nova_clone.scheduler.catalog import available
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.weighers.base import Weigher
from nova_clone.scheduler.weighers.build_failure import BuildFailureWeigher
from nova_clone.scheduler.weighers.cpu import CPUWeigher
from nova_clone.scheduler.weighers.cross_cell import CrossCellWeigher
from nova_clone.scheduler.weighers.disk import DiskWeigher
from nova_clone.scheduler.weighers.hypervisor_version import HypervisorVersionWeigher
from nova_clone.scheduler.weighers.image_properties import ImagePropertiesWeigher
from nova_clone.scheduler.weighers.io_ops import IoOpsWeigher
from nova_clone.scheduler.weighers.metrics import MetricsWeigher
from nova_clone.scheduler.weighers.num_instances import NumInstancesWeigher
from nova_clone.scheduler.weighers.pci import PCIWeigher
from nova_clone.scheduler.weighers.ram import RAMWeigher
from nova_clone.scheduler.weighers.server_group import (
    ServerGroupSoftAffinityWeigher,
    ServerGroupSoftAntiAffinityWeigher,
)

WEIGHERS: dict[str, Weigher] = {
    found.name: found
    for found in (
        RAMWeigher(),
        CPUWeigher(),
        DiskWeigher(),
        HypervisorVersionWeigher(),
        NumInstancesWeigher(),
        ImagePropertiesWeigher(),
        IoOpsWeigher(),
        ServerGroupSoftAffinityWeigher(),
        ServerGroupSoftAntiAffinityWeigher(),
        PCIWeigher(),
        MetricsWeigher(),
        BuildFailureWeigher(),
        CrossCellWeigher(),
    )
}


def enabled(settings: SchedulerSettings) -> tuple[Weigher, ...]:
    """Return the weighers to run.

    Raises `Invalid`, with the name of the option, for one that does not exist.
    """
    return tuple(
        available(
            "[filter_scheduler] weight_classes",
            settings.weight_classes,
            WEIGHERS,
            everything="nova.scheduler.weights.all_weighers",
        ).values()
    )
