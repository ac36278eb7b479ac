"""How the network service is reached, and the secret shared with its metadata agent."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "neutron"

OPTIONS = [
    cfg.BoolOpt(
        "service_metadata_proxy",
        default=False,
        help=(
            "Believe the headers in which the metadata agent of the network service names "
            "the server."
        ),
    ),
    cfg.StrOpt(
        "metadata_proxy_shared_secret",
        default="",
        secret=True,
        help="The secret that the metadata agent signs those headers with.",
    ),
    cfg.StrOpt(
        "ovs_bridge",
        default="br-int",
        help="The integration bridge of Open vSwitch.",
    ),
    cfg.StrOpt(
        "default_floating_pool",
        default="nova",
        help="The pool of floating addresses when the request names none.",
    ),
    cfg.IntOpt(
        "extension_sync_interval",
        default=600,
        min=0,
        help="For how many seconds the extensions of the network service are remembered.",
    ),
    cfg.IntOpt(
        "http_retries",
        default=3,
        min=0,
        help="How often a request is tried again after the connection failed.",
    ),
    cfg.ListOpt(
        "physnets",
        default=[],
        help=(
            "Physical networks with NUMA affinity. Each has a group neutron_physnet_<name> "
            "with the option numa_nodes."
        ),
    ),
]
