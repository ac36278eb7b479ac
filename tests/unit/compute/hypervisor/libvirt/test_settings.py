from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from oslo_config import cfg

from nova_clone.compute.hypervisor.libvirt.settings import LibvirtSettings
from nova_clone.compute.settings import OPTIONS, ComputeSettings
from nova_clone.conf.base import GROUP as _BASE
from nova_clone.conf.opts import register_opts
from nova_clone.domain.errors import Invalid
from nova_clone.domain.topology.division import Division


def settings(tmp_path: Path, text: str = "") -> LibvirtSettings:
    path = tmp_path / "nova.conf"
    path.write_text(f"[{_BASE}]\nstate_path = {tmp_path}\n{text}")
    conf = cfg.ConfigOpts()
    register_opts(conf, ("base", *OPTIONS))
    conf([], project="nova", default_config_files=[str(path)], default_config_dirs=[])
    compute = ComputeSettings(
        host="host1", state_path=tmp_path, instances_path=tmp_path / "instances"
    )
    return LibvirtSettings.from_conf(conf, compute, node_uuid="n1")


def test_without_a_word_the_usual_is_done(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert found.uri == "qemu:///system"
    assert found.virt_type == "kvm"
    assert found.storage.images_type == "qcow2"
    assert found.storage.force_raw_images
    assert found.vnc.enabled
    assert found.cpu.mode is None
    assert found.instances_path == tmp_path / "instances"


def test_everything_can_be_told(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        "use_cow_images = false\npreallocate_images = space\npointer_model = none\n"
        "[libvirt]\nvirt_type = qemu\nconnection_uri = test:///default\n"
        "hw_machine_type = x86_64=q35,aarch64=virt\ndisk_cachemodes = file=writeback\n"
        "cpu_mode = custom\ncpu_models = Nehalem,Haswell\nrealtime_scheduler_priority = 3\n"
        "mem_stats_period_seconds = -1\nnum_memory_encrypted_guests = 15\n"
        "[vnc]\nserver_listen = 192.0.2.1\nserver_proxyclient_address = 192.0.2.2\n",
    )
    assert found.uri == "test:///default"
    assert found.machine_types == {"x86_64": "q35", "aarch64": "virt"}
    assert found.storage.images_type == "raw"
    assert found.storage.preallocate
    assert found.storage.cache_modes == {"file": "writeback"}
    assert (found.cpu.models, found.cpu.realtime_priority) == (("Nehalem", "Haswell"), 3)
    assert found.devices.pointer == "none"
    assert found.encrypted_guests == 15
    assert found.devices.stats_period == 0
    assert (found.vnc.listen, found.vnc.proxy_address) == ("192.0.2.1", "192.0.2.2")


@pytest.mark.parametrize(
    "text",
    [
        "[libvirt]\nvirt_type = lxc\n",
        "[libvirt]\nimages_type = rbd\n",
        "[libvirt]\nhw_machine_type = q35\n",
        "[libvirt]\ndisk_cachemodes = =none\n",
    ],
)
def test_what_cannot_be_done_is_refused_at_the_start(tmp_path: Path, text: str) -> None:
    with pytest.raises(Invalid):
        settings(tmp_path, text)


def test_a_flat_image_is_raw(tmp_path: Path) -> None:
    found: Any = settings(tmp_path, "[libvirt]\nimages_type = flat\n")
    assert found.storage.images_type == "raw"


def test_the_host_is_divided(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """reserved_huge_pages = node:0,size:2MB,count:64
reserved_huge_pages = node:1,size:1048576,count:1
[compute]
cpu_dedicated_set = 2-7,^3
cpu_shared_set = 0-1
[pci]
device_spec = {"vendor_id": "10de"}
""",
    )
    assert found.division == Division(
        shared=frozenset({0, 1}),
        dedicated=frozenset({2, 4, 5, 6, 7}),
        reserved={(0, 2048): 64, (1, 1048576): 1},
    )
    assert [spec.vendor_id for spec in found.device_specs] == ["10de"]
