"""What a project or a user may have, and how it is counted."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "quota"

OPTIONS = [
    cfg.StrOpt(
        "driver",
        default="nova.quota.DbQuotaDriver",
        choices=[
            "nova.quota.DbQuotaDriver",
            "nova.quota.NoopQuotaDriver",
            "nova.quota.UnifiedLimitsDriver",
        ],
        help=(
            "How quotas are kept: in the database, not at all, or as limits in the identity "
            "service."
        ),
    ),
    cfg.BoolOpt(
        "recheck_quota",
        default=True,
        help=(
            "Count again after the rows are written, so that two requests together cannot "
            "exceed the quota."
        ),
    ),
    cfg.BoolOpt(
        "count_usage_from_placement",
        default=False,
        help="Count processors and memory in Placement.",
    ),
    cfg.StrOpt(
        "unified_limits_resource_strategy",
        default="require",
        choices=["require", "ignore"],
        help=(
            "Whether the resources in unified_limits_resource_list must have a registered "
            "limit, or are ignored."
        ),
    ),
    cfg.IntOpt(
        "instances",
        default=10,
        min=-1,
        help="Servers per project; -1 means without limit.",
    ),
    cfg.IntOpt(
        "cores",
        default=20,
        min=-1,
        help="Virtual processors per project; -1 means without limit.",
    ),
    cfg.IntOpt(
        "ram",
        default=51200,
        min=-1,
        help="Memory per project, in MiB; -1 means without limit.",
    ),
    cfg.IntOpt(
        "metadata_items",
        default=128,
        min=-1,
        help="Metadata items per server; -1 means without limit.",
    ),
    cfg.IntOpt(
        "injected_files",
        default=5,
        min=-1,
        help="Injected files per request; -1 means without limit.",
    ),
    cfg.IntOpt(
        "injected_file_content_bytes",
        default=10240,
        min=-1,
        help="Bytes per injected file; -1 means without limit.",
    ),
    cfg.IntOpt(
        "injected_file_path_length",
        default=255,
        min=-1,
        help="Length of the path of an injected file; -1 means without limit.",
    ),
    cfg.IntOpt(
        "key_pairs",
        default=100,
        min=-1,
        help="Key pairs per user; -1 means without limit.",
    ),
    cfg.IntOpt(
        "server_groups",
        default=10,
        min=-1,
        help="Server groups per project; -1 means without limit.",
    ),
    cfg.IntOpt(
        "server_group_members",
        default=10,
        min=-1,
        help="Servers per user within a group; -1 means without limit.",
    ),
    cfg.ListOpt(
        "unified_limits_resource_list",
        default=["servers"],
        help="Resources that unified_limits_resource_strategy is about.",
    ),
]
