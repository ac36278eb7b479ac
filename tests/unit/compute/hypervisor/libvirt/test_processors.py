from __future__ import annotations

from nova_clone.compute.hypervisor.libvirt.processors import read_times
from nova_clone.compute.hypervisor.port import CpuTimes

NODE = ["x86_64", 32000, 8, 2400, 1, 1, 4, 2]


def test_reads_what_libvirt_tells() -> None:
    stats = {"kernel": 1, "user": 2, "idle": 3, "iowait": 4, "intr": 5}
    found = CpuTimes(kernel=1, user=2, idle=3, iowait=4, frequency_mhz=2400)
    assert read_times(stats, NODE) == found


def test_what_a_platform_does_not_count_is_nothing() -> None:
    assert read_times({"kernel": 1, "user": 2, "idle": 3}, NODE).iowait == 0
