"""Weighers: how good each fit host is. A weight is normalised over the hosts, then multiplied.

The names are the options ``[filter_scheduler] <name>_weight_multiplier`` of Nova.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.snapshot import HostView

Weigher = Callable[[HostView, RequestSpec], float]

#: Name → (weigher, default multiplier). Larger results are better.
WEIGHERS: Mapping[str, tuple[Weigher, float]] = {
    "ram": (lambda view, _spec: float(view.free_ram_mb), 1.0),
    "disk": (lambda view, _spec: float(view.free_disk_gb), 1.0),
    "cpu": (lambda view, _spec: float(view.free_vcpus), 1.0),
    "io_ops": (lambda view, _spec: float(view.building), -1.0),
    "build_failure": (lambda view, _spec: -float(view.record.failed_builds), 1_000_000.0),
    "num_instances": (lambda view, _spec: -float(view.summary.consumers), 0.0),
    "hypervisor_version": (lambda view, _spec: float(view.record.hypervisor_version), 1.0),
}


def weigh(
    views: Sequence[HostView], spec: RequestSpec, multipliers: Mapping[str, float]
) -> dict[str, float]:
    """Return each host's weight, by host name; higher is better."""
    totals = dict.fromkeys((view.host for view in views), 0.0)
    for name, (weigher, default) in WEIGHERS.items():
        multiplier = multipliers.get(name, default)
        if not multiplier:
            continue
        raw = [weigher(view, spec) for view in views]
        low, high = min(raw, default=0.0), max(raw, default=0.0)
        if high == low:
            continue
        for view, value in zip(views, raw, strict=True):
            totals[view.host] += multiplier * (value - low) / (high - low)
    return totals
