"""Which filters and weighers there are: all that a nova.conf may name."""

from __future__ import annotations

from nova_clone.scheduler import filters, weighers
from nova_clone.scheduler.settings import SchedulerSettings

FILTERS = {
    "affinity_filter": (
        "DifferentHostFilter",
        "SameHostFilter",
        "ServerGroupAffinityFilter",
        "ServerGroupAntiAffinityFilter",
        "SimpleCIDRAffinityFilter",
    ),
    "aggregate_image_properties_isolation": ("AggregateImagePropertiesIsolation",),
    "aggregate_instance_extra_specs": ("AggregateInstanceExtraSpecsFilter",),
    "aggregate_multitenancy_isolation": ("AggregateMultiTenancyIsolation",),
    "all_hosts_filter": ("AllHostsFilter",),
    "compute_capabilities_filter": ("ComputeCapabilitiesFilter",),
    "compute_filter": ("ComputeFilter",),
    "image_props_filter": ("ImagePropertiesFilter",),
    "io_ops_filter": ("AggregateIoOpsFilter", "IoOpsFilter"),
    "isolated_hosts_filter": ("IsolatedHostsFilter",),
    "json_filter": ("JsonFilter",),
    "metrics_filter": ("MetricsFilter",),
    "num_instances_filter": ("AggregateNumInstancesFilter", "NumInstancesFilter"),
    "numa_topology_filter": ("NUMATopologyFilter",),
    "pci_passthrough_filter": ("PciPassthroughFilter",),
    "type_affinity_filter": ("AggregateTypeAffinityFilter",),
}
WEIGHERS = {
    "affinity": ("ServerGroupSoftAffinityWeigher", "ServerGroupSoftAntiAffinityWeigher"),
    "compute": ("BuildFailureWeigher",),
    "cpu": ("CPUWeigher",),
    "cross_cell": ("CrossCellWeigher",),
    "disk": ("DiskWeigher",),
    "hypervisor_version": ("HypervisorVersionWeigher",),
    "image_props": ("ImagePropertiesWeigher",),
    "io_ops": ("IoOpsWeigher",),
    "metrics": ("MetricsWeigher",),
    "num_instances": ("NumInstancesWeigher",),
    "pci": ("PCIWeigher",),
    "ram": ("RAMWeigher",),
}


def paths(package: str, modules: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(
        f"{package}.{module}.{name}" for module, names in modules.items() for name in names
    )


def names(modules: dict[str, tuple[str, ...]]) -> list[str]:
    return sorted(name for found in modules.values() for name in found)


def test_every_filter_is_there_by_name_and_by_path() -> None:
    settings = SchedulerSettings(
        available_filters=paths("nova.scheduler.filters", FILTERS),
        enabled_filters=tuple(names(FILTERS)),
    )

    assert len(names(FILTERS)) == 22
    assert sorted(filters.FILTERS) == names(FILTERS)
    enabled = [found.name for found in filters.enabled(settings)]
    assert enabled == ["RequestedHostFilter", "AvailabilityZoneFilter", *names(FILTERS)]


def test_every_weigher_is_there_by_name_and_by_path() -> None:
    settings = SchedulerSettings(weight_classes=paths("nova.scheduler.weights", WEIGHERS))

    assert len(names(WEIGHERS)) == 13
    assert sorted(found.name for found in weighers.enabled(settings)) == names(WEIGHERS)
    assert weighers.enabled(SchedulerSettings()) == weighers.enabled(settings)
