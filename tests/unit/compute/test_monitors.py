from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from nova_clone.compute.hypervisor.port import CpuTimes
from nova_clone.compute.monitors import CpuMonitor, Monitors, cpu_metrics
from nova_clone.domain.errors import Invalid

from .scene import FakeConductor, Scene, a_scene
from .test_app import Host

SECOND = 10**9
BOOTED = CpuTimes(user=20, kernel=10, idle=60, iowait=10, frequency_mhz=2400)


def test_the_first_look_tells_of_all_time() -> None:
    assert cpu_metrics(BOOTED, CpuTimes()) == {
        "cpu.frequency": 2400,
        "cpu.user.time": 20,
        "cpu.kernel.time": 10,
        "cpu.idle.time": 60,
        "cpu.iowait.time": 10,
        "cpu.user.percent": 0.2,
        "cpu.kernel.percent": 0.1,
        "cpu.idle.percent": 0.6,
        "cpu.iowait.percent": 0.1,
        "cpu.percent": 0.4,
    }


def test_later_looks_tell_of_the_time_between() -> None:
    later = CpuTimes(user=120, kernel=110, idle=160, iowait=110, frequency_mhz=800)
    found = cpu_metrics(later, BOOTED)
    assert (found["cpu.frequency"], found["cpu.user.time"]) == (800, 120)
    assert {found[f"cpu.{name}.percent"] for name in ("user", "kernel", "idle", "iowait")} == {0.25}
    assert found["cpu.percent"] == 0.75


def test_where_no_time_has_passed_all_time_counts() -> None:
    assert cpu_metrics(BOOTED, BOOTED) == cpu_metrics(BOOTED, CpuTimes())
    assert cpu_metrics(CpuTimes(), CpuTimes())["cpu.percent"] == 0


def test_a_count_that_goes_back_is_no_negative_share() -> None:
    later = CpuTimes(user=30, kernel=10, idle=60, iowait=9)
    found = cpu_metrics(later, BOOTED)
    assert (found["cpu.user.percent"], found["cpu.iowait.percent"]) == (1, 0)


def test_a_monitor_remembers_its_last_look(tmp_path: Path) -> None:
    path = tmp_path / "times"
    monitor = CpuMonitor(Told(path))
    path.write_bytes(msgspec.json.encode(CpuTimes(idle=SECOND)))
    assert monitor.measure()["cpu.percent"] == 0
    path.write_bytes(msgspec.json.encode(CpuTimes(idle=SECOND, user=SECOND)))
    assert monitor.measure()["cpu.percent"] == 1


class Told:
    """Processors that did what a file says."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def cpu_times(self) -> CpuTimes:
        return msgspec.json.decode(self._path.read_bytes(), type=CpuTimes)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return a_scene(tmp_path)


def monitors(scene: Scene, *names: str, driver: object = None) -> Monitors:
    conductor: FakeConductor = scene.conductor
    return Monitors(names, driver or scene.driver, conductor, node_uuid="n1")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["cpu.virt_driver", "virt_driver"])
def test_tells_the_conductor(scene: Scene, name: str) -> None:
    monitors(scene, name).tell()
    [told] = scene.conductor.wait_measured()
    assert told.node_uuid == "n1"
    assert (told.metrics["cpu.frequency"], told.metrics["cpu.percent"]) == (800, 0)


@pytest.mark.parametrize("name", ["cpu.other", "memory.virt_driver", "magic"])
def test_an_unknown_monitor_is_refused(scene: Scene, name: str) -> None:
    with pytest.raises(Invalid, match=rf"\[DEFAULT\] compute_monitors names '{name}'"):
        monitors(scene, name)


def test_a_driver_that_cannot_tell_is_refused(scene: Scene) -> None:
    with pytest.raises(Invalid, match="compute_monitors"):
        monitors(scene, "cpu.virt_driver", driver=object())


def test_a_host_tells_as_soon_as_it_is_up(tmp_path: Path) -> None:
    host = Host(tmp_path, monitors=("cpu.virt_driver",))
    host.daemon.start()
    [told] = host.conductor.wait_measured()
    assert told.node_uuid == host.conductor.registered[0].node_uuid
    host.daemon.stop()


def test_a_host_without_monitors_tells_nothing(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.daemon.start()
    host.daemon.stop()
    assert host.conductor.measured == []


def test_an_unknown_monitor_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="compute_monitors"):
        Host(tmp_path, monitors=("magic",))
