"""How hosts are filtered and weighed."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "filter_scheduler"

OPTIONS = [
    cfg.MultiStrOpt(
        "available_filters",
        default=["nova.scheduler.filters.all_filters"],
        help="Filter classes that may be enabled. May be given several times.",
    ),
    cfg.ListOpt(
        "enabled_filters",
        default=[
            "ComputeFilter",
            "ComputeCapabilitiesFilter",
            "ImagePropertiesFilter",
            "ServerGroupAntiAffinityFilter",
            "ServerGroupAffinityFilter",
        ],
        help="The filters that are applied, in order.",
    ),
    cfg.ListOpt(
        "weight_classes",
        default=["nova.scheduler.weights.all_weighers"],
        help="The weighers that are applied.",
    ),
    cfg.IntOpt(
        "host_subset_size",
        default=1,
        min=1,
        help="Choose at random among so many of the best hosts.",
    ),
    cfg.BoolOpt(
        "shuffle_best_same_weighed_hosts",
        default=False,
        help="Choose at random among the best hosts of equal weight.",
    ),
    cfg.BoolOpt(
        "track_instance_changes",
        default=True,
        help=(
            "Let hosts tell the scheduler about their servers; needed by the affinity filters only."
        ),
    ),
    cfg.IntOpt(
        "max_io_ops_per_host",
        default=8,
        min=0,
        help="How many disk-heavy operations a host may have for IoOpsFilter to pass it.",
    ),
    cfg.IntOpt(
        "max_instances_per_host",
        default=50,
        min=1,
        help="How many servers a host may have for NumInstancesFilter to pass it.",
    ),
    cfg.ListOpt(
        "isolated_hosts",
        default=[],
        help="Hosts for isolated images.",
    ),
    cfg.ListOpt(
        "isolated_images",
        default=[],
        help="Images that run on isolated hosts only.",
    ),
    cfg.BoolOpt(
        "restrict_isolated_hosts_to_isolated_images",
        default=True,
        help="Keep other images off isolated hosts.",
    ),
    cfg.BoolOpt(
        "pci_in_placement",
        default=False,
        help=(
            "Ask Placement for PCI devices; needs report_in_placement of the group pci on "
            "every host."
        ),
    ),
    cfg.StrOpt(
        "image_properties_default_architecture",
        help="The architecture of images that name none.",
    ),
    cfg.FloatOpt(
        "ram_weight_multiplier",
        default=1.0,
        help=("Multiplier of the weigher that prefers free memory; negative values stack servers."),
    ),
    cfg.FloatOpt(
        "cpu_weight_multiplier",
        default=1.0,
        help=(
            "Multiplier of the weigher that prefers free processors; negative values stack servers."
        ),
    ),
    cfg.FloatOpt(
        "disk_weight_multiplier",
        default=1.0,
        help=(
            "Multiplier of the weigher that prefers free disk space; negative values stack servers."
        ),
    ),
    cfg.FloatOpt(
        "hypervisor_version_weight_multiplier",
        default=1.0,
        help="Multiplier of the weigher that prefers newer hypervisors.",
    ),
    cfg.FloatOpt(
        "num_instances_weight_multiplier",
        default=0.0,
        help=("Multiplier of the weigher that prefers more servers; negative values spread them."),
    ),
    cfg.FloatOpt(
        "image_props_weight_multiplier",
        default=0.0,
        help=(
            "Multiplier of the weigher that prefers hosts that run servers with the same "
            "image properties."
        ),
    ),
    cfg.FloatOpt(
        "io_ops_weight_multiplier",
        default=-1.0,
        help=(
            "Multiplier of the weigher that prefers more disk-heavy operations; negative "
            "values spread them."
        ),
    ),
    cfg.FloatOpt(
        "pci_weight_multiplier",
        default=1.0,
        min=0.0,
        help=(
            "Multiplier of the weigher that prefers to keep hosts with PCI devices for "
            "servers that want them."
        ),
    ),
    cfg.FloatOpt(
        "soft_affinity_weight_multiplier",
        default=1.0,
        help=("Multiplier of the weigher that prefers hosts with more servers of the same group."),
    ),
    cfg.FloatOpt(
        "soft_anti_affinity_weight_multiplier",
        default=1.0,
        help=("Multiplier of the weigher that prefers hosts with fewer servers of the same group."),
    ),
    cfg.FloatOpt(
        "build_failure_weight_multiplier",
        default=1000000.0,
        help="Multiplier of the weigher that prefers hosts with fewer recent build failures.",
    ),
    cfg.FloatOpt(
        "cross_cell_move_weight_multiplier",
        default=1000000.0,
        help="Multiplier of the weigher that prefers the cell that the server is in.",
    ),
    cfg.StrOpt(
        "aggregate_image_properties_isolation_namespace",
        help="Only image properties of this name space are compared with aggregates.",
    ),
    cfg.StrOpt(
        "aggregate_image_properties_isolation_separator",
        default=".",
        help="What stands between that name space and the rest of the name.",
    ),
    cfg.ListOpt(
        "image_props_weight_setting",
        default=[],
        help="Weights of image properties, as name=ratio; empty means all alike.",
    ),
]
