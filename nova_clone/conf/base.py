"""Options that every daemon knows: who it is, where it keeps things, how it lives."""

from __future__ import annotations

import socket
from pathlib import Path

from oslo_config import cfg
from oslo_utils import netutils

GROUP = "DEFAULT"

OPTIONS = [
    cfg.HostDomainOpt(
        "host",
        default=socket.gethostname(),
        sample_default="<current_hostname>",
        help=(
            "The name of this host: in messages, in the service records and in Placement. "
            "It need not be a host name that resolves, but it must stay the same and be "
            "unique in the cell."
        ),
    ),
    cfg.StrOpt(
        "my_ip",
        default=netutils.get_my_ipv4(),
        sample_default="<host_ipv4>",
        help="The address under which other services reach this host.",
    ),
    cfg.StrOpt(
        "my_block_storage_ip",
        default="$my_ip",
        help=(
            "The address of this host on the storage network, told to the block storage "
            "service when a volume is attached."
        ),
    ),
    cfg.StrOpt(
        "my_shared_fs_storage_ip",
        default="$my_ip",
        help=(
            "The address of this host on the storage network, told to the shared file "
            "system service."
        ),
    ),
    cfg.StrOpt(
        "state_path",
        default="$pybasedir",
        sample_default="$pybasedir",
        help="The directory under which a daemon keeps what must outlive it.",
    ),
    cfg.IntOpt(
        "report_interval",
        default=10,
        min=1,
        help="Every how many seconds a service reports that it is alive.",
    ),
    cfg.IntOpt(
        "service_down_time",
        default=60,
        min=1,
        help="After how many seconds without a report a service counts as down.",
    ),
    cfg.StrOpt(
        "servicegroup_driver",
        default="db",
        choices=["db", "mc"],
        help=(
            "Where the reports are kept. Only db is supported; mc is accepted and means the same."
        ),
    ),
    cfg.BoolOpt(
        "periodic_enable",
        default=True,
        help="Whether periodic work is done at all.",
    ),
    cfg.IntOpt(
        "periodic_fuzzy_delay",
        default=60,
        min=0,
        help=(
            "The longest random delay, in seconds, before periodic work starts, so that not "
            "every host begins at once."
        ),
    ),
    cfg.IntOpt(
        "long_rpc_timeout",
        default=1800,
        min=1,
        help=(
            "How many seconds a call that takes long is waited for while its server shows "
            "that it lives."
        ),
    ),
    cfg.IntOpt(
        "manager_shutdown_timeout",
        default=160,
        min=0,
        help="How many seconds a daemon that is asked to stop has to finish its work.",
    ),
    cfg.StrOpt(
        "concurrency_backend",
        default="auto",
        choices=["auto", "threading", "eventlet"],
        help=(
            "How a daemon does several things at a time. The environment variable "
            "OS_NOVA_CONCURRENCY_BACKEND wins over this."
        ),
    ),
    cfg.IntOpt(
        "default_thread_pool_size",
        default=10,
        min=1,
        help="How many pieces of background work a process does at a time.",
    ),
    cfg.IntOpt(
        "cell_worker_thread_pool_size",
        default=5,
        min=1,
        help="How many cells a process asks at a time.",
    ),
    cfg.StrOpt(
        "rootwrap_config",
        default="/etc/nova/rootwrap.conf",
        help=(
            "The configuration of the privilege helper. Kept for deployments that name it; "
            "privileges are separated by oslo.privsep."
        ),
    ),
    cfg.StrOpt(
        "pybasedir",
        default=str(Path(__file__).resolve().parents[2]),
        sample_default="/usr/lib/python3/dist-packages",
        help="The directory that holds the nova_clone package.",
    ),
]
