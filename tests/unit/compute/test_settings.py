from __future__ import annotations

from pathlib import Path

import pytest
from oslo_config import cfg

from nova_clone.compute.inventory.mediated import MediatedType
from nova_clone.compute.settings import ComputeSettings, InventorySettings
from nova_clone.conf.opts import register_opts
from nova_clone.domain.errors import Invalid
from nova_clone.domain.metadata import SKIPPED_ON_DRIVE


def _read(*files: str, **given: object) -> ComputeSettings:
    conf = cfg.ConfigOpts()
    modules = ("api", "base", "compute", "compute_host", "compute_timers", "devices", "pci")
    register_opts(conf, {*modules, "workarounds"})
    conf([], project="nova", default_config_files=files, default_config_dirs=[])
    conf.set_override("state_path", "/var/lib/nova")
    for name, value in given.items():
        conf.set_override(name, value)
    return ComputeSettings.from_conf(conf)


def test_the_usual_settings() -> None:
    found = _read(compute_driver="fake.FakeDriver", host="host1")
    assert found == ComputeSettings(
        host="host1",
        driver="fake.FakeDriver",
        my_ip=found.my_ip,
        state_path=Path("/var/lib/nova"),
        instances_path=Path("/var/lib/nova/instances"),
        inventory=InventorySettings(provider_config=Path("/etc/nova/provider_config/")),
    )
    assert found.config_drive.skip_ec2_versions == SKIPPED_ON_DRIVE


def test_no_limit_of_builds_is_a_high_one() -> None:
    assert _read(max_concurrent_builds=0).max_concurrent_builds > 100


@pytest.mark.parametrize("name", ["cpu_shared_set", "cpu_dedicated_set"])
def test_processors_are_kept_back_by_a_number_or_by_sets(tmp_path: Path, name: str) -> None:
    assert _read(reserved_host_cpus=2).inventory.reserved_cpus == 2
    file = tmp_path / "nova.conf"
    file.write_text(f"[DEFAULT]\nreserved_host_cpus = 2\n[compute]\n{name} = 0-1\n")
    with pytest.raises(Invalid, match="reserved_host_cpus cannot be set"):
        _read(str(file))


@pytest.mark.parametrize(("value", "counts"), [(10, True), (-1, True), (0, False)])
def test_failed_builds_count_unless_they_should_not(
    tmp_path: Path, value: int, counts: bool
) -> None:
    file = tmp_path / "nova.conf"
    file.write_text(f"[compute]\nconsecutive_build_service_disable_threshold = {value}\n")
    assert _read(str(file)).inventory.counts_failures is counts


def test_monitors_are_listed() -> None:
    assert _read(compute_monitors=["cpu.virt_driver"]).monitors == ("cpu.virt_driver",)


def test_resources_are_looked_at_every_minute_or_never() -> None:
    assert _read(update_resources_interval=0).resources_interval == 60
    assert _read(update_resources_interval=-1).resources_interval < 0


def test_devices_and_processors_are_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "nova.conf"
    file.write_text(
        """[compute]
cpu_shared_set = 0-1
cpu_dedicated_set = 2-7
image_type_exclude_list = vmdk
[pci]
device_spec = {"vendor_id": "8086", "product_id": "0435"}
device_spec = {"vendor_id": "10de"}
report_in_placement = true
[devices]
enabled_mdev_types = nvidia-35, nvidia-36
[mdev_nvidia-35]
device_addresses = 0000:06:00.0
max_instances = 3
[vgpu_nvidia-36]
device_addresses = 0000:07:00.0
"""
    )
    found = _read(str(file)).inventory
    assert found.division.dedicated == frozenset(range(2, 8))
    assert [spec.vendor_id for spec in found.pci.specs] == ["8086", "10de"]
    assert found.excluded_images == {"vmdk"}
    assert found.mediated == (
        MediatedType(name="nvidia-35", addresses=frozenset({"0000:06:00.0"}), max_instances=3),
        MediatedType(name="nvidia-36", addresses=frozenset({"0000:07:00.0"})),
    )


def test_what_contradicts_itself_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / "nova.conf"
    file.write_text("[compute]\ncpu_shared_set = 0-3\ncpu_dedicated_set = 3\n")
    with pytest.raises(Invalid, match="cpu_dedicated_set"):
        _read(str(file))
