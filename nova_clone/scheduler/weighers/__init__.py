"""Every weigher by its class name."""

from __future__ import annotations

from nova_clone.scheduler.weighers.base import Weigher
from nova_clone.scheduler.weighers.build_failure import BuildFailureWeigher
from nova_clone.scheduler.weighers.cpu import CPUWeigher
from nova_clone.scheduler.weighers.disk import DiskWeigher
from nova_clone.scheduler.weighers.hypervisor_version import HypervisorVersionWeigher
from nova_clone.scheduler.weighers.io_ops import IoOpsWeigher
from nova_clone.scheduler.weighers.num_instances import NumInstancesWeigher
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
        IoOpsWeigher(),
        ServerGroupSoftAffinityWeigher(),
        ServerGroupSoftAntiAffinityWeigher(),
        BuildFailureWeigher(),
    )
}
