"""The bare metal driver."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "ironic"

OPTIONS = [
    cfg.ListOpt(
        "peer_list",
        default=[],
        deprecated_for_removal=True,
        deprecated_reason="Bare metal nodes are divided by shard.",
        help="Kept for deployments that name it; bare metal nodes are divided by shard.",
    ),
    cfg.StrOpt(
        "shard",
        help="The shard of bare metal nodes that this service manages.",
    ),
]
