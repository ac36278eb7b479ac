"""The facts of a host that flavors and hints may name, by Nova's names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from nova_clone.domain.resources import DISK_GB, MEMORY_MB, VCPU
from nova_clone.scheduler.snapshot import HostView


def _capacity(view: HostView, resource_class: str) -> int:
    return view.summary.resources.get(resource_class, (0, 0))[0]


def _used(view: HostView, resource_class: str) -> int:
    return view.summary.resources.get(resource_class, (0, 0))[1]


FACTS: Final[Mapping[str, Callable[[HostView], Any]]] = {
    "host": lambda view: view.record.host,
    "nodename": lambda view: view.record.node,
    "hypervisor_hostname": lambda view: view.record.node,
    "uuid": lambda view: view.record.provider_id,
    "host_ip": lambda view: view.record.host_ip,
    "hypervisor_type": lambda view: view.record.hypervisor_type,
    "hypervisor_version": lambda view: view.record.hypervisor_version,
    "supported_instances": lambda view: [list(kind) for kind in view.record.supported],
    "cpu_info": lambda view: view.cpu_info,
    "metrics": lambda view: view.record.metrics,
    "failed_builds": lambda view: view.record.failed_builds,
    "num_instances": lambda view: view.summary.consumers,
    "num_io_ops": lambda view: view.building,
    "free_ram_mb": lambda view: view.free_ram_mb,
    "total_usable_ram_mb": lambda view: _capacity(view, MEMORY_MB),
    "free_disk_mb": lambda view: view.free_disk_gb * 1024,
    "total_usable_disk_gb": lambda view: _capacity(view, DISK_GB),
    "disk_mb_used": lambda view: _used(view, DISK_GB) * 1024,
    "vcpus_total": lambda view: _capacity(view, VCPU),
    "vcpus_used": lambda view: _used(view, VCPU),
}


def fact(view: HostView, path: Sequence[str]) -> Any:
    """Return what stands at a path such as ``("cpu_info", "vendor")``, or nothing."""
    reader = FACTS.get(path[0])
    found = reader(view) if reader else None
    for key in path[1:]:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found
