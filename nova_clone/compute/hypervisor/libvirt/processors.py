"""How busy the host's processors are, as libvirt tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import libvirt

from nova_clone.compute.hypervisor.libvirt.connection import Connection
from nova_clone.compute.hypervisor.port import CpuTimes

#: Where the frequency in MHz stands in libvirt's facts of a node.
_FREQUENCY = 3


def cpu_times(connection: Connection) -> CpuTimes:
    """Ask libvirt; raises Unavailable."""

    def ask(libvirtd: Any) -> CpuTimes:
        every = libvirt.VIR_NODE_CPU_STATS_ALL_CPUS
        return read_times(libvirtd.getCPUStats(every, 0), libvirtd.getInfo())

    return connection.call(ask)


def read_times(stats: Mapping[str, int], node: Sequence[Any]) -> CpuTimes:
    """Return what libvirt's statistics and facts of a node say; a kind it lacks is 0."""
    return CpuTimes(
        user=stats.get("user", 0),
        kernel=stats.get("kernel", 0),
        idle=stats.get("idle", 0),
        iowait=stats.get("iowait", 0),
        frequency_mhz=int(node[_FREQUENCY]),
    )
