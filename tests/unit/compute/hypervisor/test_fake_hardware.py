from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from nova_clone.compute.app import make_driver
from nova_clone.compute.hypervisor.port import CpuTimes, Hypervisor, TellsCpuTimes
from nova_clone.compute.settings import ComputeSettings
from nova_clone.domain.errors import Invalid
from nova_clone.domain.hardware import NOTHING_TOLD, Hardware
from nova_clone.domain.host import HostResources
from nova_clone.domain.pci.device import PciPool
from nova_clone.domain.resources import PCPU, VCPU
from nova_clone.domain.topology.host import HostCell, HostTopology

CELLS = (
    HostCell(id=0, shared="0-1", dedicated="2-7", memory_mb=4096),
    HostCell(id=1, shared="8-9", dedicated="10-15", memory_mb=4096),
)
HARDWARE = Hardware(
    topology=HostTopology(cells=CELLS),
    pci=(PciPool(vendor_id="10de", product_id="20b0", numa_node=0, addresses=("0000:41:00.0",)),),
)


def driver(path: Path) -> Hypervisor:
    return make_driver(
        ComputeSettings(
            host="h1", state_path=path, instances_path=path / "i", driver="fake.FakeDriver"
        )
    )


def told(path: Path) -> HostResources:
    return driver(path).resources()


def test_a_fake_host_is_as_busy_as_it_is_told(tmp_path: Path) -> None:
    host = driver(tmp_path)
    assert isinstance(host, TellsCpuTimes)
    assert host.cpu_times().idle > 0
    busy = CpuTimes(user=2, kernel=1, idle=5, iowait=1, frequency_mhz=3000)
    (tmp_path / "fake-cpu-times").write_bytes(msgspec.json.encode(busy))
    assert host.cpu_times() == busy


def test_a_fake_host_has_the_hardware_that_it_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "fake-hardware").write_bytes(msgspec.json.encode(HARDWARE))
    found = told(tmp_path)
    assert found.hardware == HARDWARE
    assert {name: found.inventories[name].total for name in (VCPU, PCPU)} == {VCPU: 4, PCPU: 12}


def test_a_fake_host_has_room_for_the_encrypted_guests_that_it_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "fake-encrypted-guests").write_text('{"amd-sev": 15, "amd-sev-es": 2}')
    (sev, sev_es) = told(tmp_path).components
    assert (sev.name, sev_es.name) == ("h1_amd_sev", "h1_amd_sev_es")
    (tmp_path / "fake-encrypted-guests").write_text('{"rot13": 1}')
    with pytest.raises(Invalid):
        told(tmp_path)


def test_without_a_word_it_has_none(tmp_path: Path) -> None:
    found = told(tmp_path)
    assert found.hardware == NOTHING_TOLD
    assert PCPU not in found.inventories


def test_what_describes_no_hardware_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fake-hardware").write_text('{"topology": 7}')
    with pytest.raises(Invalid, match="fake-hardware"):
        told(tmp_path)
