"""Monitors: what a host measures of itself, again and again, for the scheduler to weigh."""

from __future__ import annotations

from collections.abc import Sequence

from nova_clone.compute.hypervisor.port import CpuTimes, TellsCpuTimes
from nova_clone.contracts.hosts import HostMetrics, HostVerbs
from nova_clone.domain.errors import Invalid
from nova_clone.domain.identity import service_context

CPU_MONITOR = "cpu.virt_driver"
#: A name without a kind is one of this kind.
_USUAL_KIND = "cpu."
_SPENT_ON = ("user", "kernel", "idle", "iowait")


def cpu_metrics(now: CpuTimes, before: CpuTimes) -> dict[str, float]:
    """Return what two looks at the processors tell, by the names of Nova's metrics.

    Frequency in MHz, times in nanoseconds; what is called percent is a share from 0 to 1 of
    the time between the looks, or of all time where none has passed.
    """
    times = {name: getattr(now, name) for name in _SPENT_ON}
    # The kernel's count of time spent waiting may go back a little.
    spent = {name: max(0, times[name] - getattr(before, name)) for name in _SPENT_ON}
    if not any(spent.values()):
        spent = times
    total = sum(spent.values())
    shares = {name: time / (total or 1) for name, time in spent.items()}
    return {
        "cpu.frequency": float(now.frequency_mhz),
        **{f"cpu.{name}.time": float(time) for name, time in times.items()},
        **{f"cpu.{name}.percent": share for name, share in shares.items()},
        "cpu.percent": (total - spent["idle"]) / (total or 1),
    }


class CpuMonitor:
    """How busy the host's processors are, as the hypervisor tells it."""

    def __init__(self, driver: TellsCpuTimes) -> None:
        self._driver = driver
        self._before = CpuTimes()

    def measure(self) -> dict[str, float]:
        """Return the metrics since the last call; at first since the host started."""
        now = self._driver.cpu_times()
        found = cpu_metrics(now, self._before)
        self._before = now
        return found


class Monitors:
    """The monitors that a host is configured to have."""

    def __init__(
        self, names: Sequence[str], driver: object, conductor: HostVerbs, *, node_uuid: str
    ) -> None:
        """Raises Invalid for a monitor that is unknown or that the driver does not serve."""
        self._conductor = conductor
        self._node_uuid = node_uuid
        wanted = {name if "." in name else _USUAL_KIND + name: name for name in names}
        self._monitors = tuple(_monitor(name, said, driver) for name, said in wanted.items())

    def tell(self) -> None:
        """Measure, and tell the conductor; raises Unavailable."""
        found: dict[str, float] = {}
        for monitor in self._monitors:
            found |= monitor.measure()
        measured = HostMetrics(node_uuid=self._node_uuid, metrics=found)
        self._conductor.metrics_measured(service_context(), measured)


def _monitor(name: str, said: str, driver: object) -> CpuMonitor:
    if name != CPU_MONITOR:
        raise Invalid(
            f"[DEFAULT] compute_monitors names {said!r}, which is not known. "
            f"Possible values: {CPU_MONITOR}."
        )
    if not isinstance(driver, TellsCpuTimes):
        raise Invalid(
            f"[DEFAULT] compute_monitors names {said!r}, but the driver of compute_driver does "
            "not tell how busy its processors are."
        )
    return CpuMonitor(driver)
