from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oslo_config import cfg

from nova_clone.conf.opts import register_opts
from nova_clone.domain.errors import NoValidHost
from nova_clone.domain.host import Aggregate
from nova_clone.domain.port import NetworkMode, RequestedNetwork, RequestedNetworks
from nova_clone.domain.resources import RequestGroup
from nova_clone.scheduler.prefilters import PREFILTERS
from nova_clone.scheduler.prefilters.base import RequestSettings, request_settings
from tests.unit.scheduler.requests import FixedCloud, a_spec, an_aggregate, ask, groups_of


def uuids(*numbers: int) -> frozenset[str]:
    return frozenset(f"agg-{number}" for number in numbers)


def test_a_disabled_host_is_left_out() -> None:
    query = ask(a_spec())
    assert query.root_forbidden == {"COMPUTE_STATUS_DISABLED"}
    assert query.root_required == set()


ZONES = (
    an_aggregate(1, {"availability_zone": "north"}),
    an_aggregate(2, {"availability_zone": "south"}),
    an_aggregate(3, {"availability_zone": "north"}),
    an_aggregate(4, {"ssd": "true"}),
    an_aggregate(5, {"availability_zone": "nova"}),
)


@pytest.mark.parametrize(
    ("zone", "member_of", "forbidden"),
    [
        (None, (), frozenset()),
        ("north", (uuids(1, 3),), frozenset()),
        ("south", (uuids(2),), frozenset()),
        ("nova", (), uuids(1, 2, 3)),
    ],
)
def test_a_zone_is_its_aggregates(
    zone: str | None, member_of: tuple[frozenset[str], ...], forbidden: frozenset[str]
) -> None:
    query = ask(a_spec(availability_zone=zone), FixedCloud(aggregates=ZONES))
    assert (query.root_member_of, query.root_forbidden_aggregates) == (member_of, forbidden)


def test_a_zone_without_aggregates_has_no_hosts() -> None:
    with pytest.raises(NoValidHost):
        ask(a_spec(availability_zone="west"), FixedCloud(aggregates=ZONES))


def test_aggregates_are_the_hosts_alone() -> None:
    spec = a_spec({"resources_GPU:VGPU": "1"}, availability_zone="north")
    query = ask(spec, FixedCloud(aggregates=ZONES))
    assert [group.member_of for group in query.groups] == [(), ()]


TENANTS = (
    an_aggregate(1, {"filter_tenant_id": "project-1"}),
    an_aggregate(2, {"filter_tenant_id3": "project-1", "other": "project-2"}),
    an_aggregate(3, {"filter_tenant_id": "project-2, project-9"}),
    an_aggregate(4),
)
LIMITED = {"limit_tenants_to_placement_aggregate": True}
REQUIRED = {**LIMITED, "placement_aggregate_required_for_tenants": True}


@pytest.mark.parametrize(
    ("project_id", "settings", "member_of"),
    [
        ("project-1", {}, ()),
        ("project-1", LIMITED, (uuids(1, 2),)),
        ("project-9", LIMITED, (uuids(3),)),
        ("project-7", LIMITED, ()),
        ("project-2", REQUIRED, (uuids(3),)),
        ("project-2", {"placement_aggregate_required_for_tenants": True}, ()),
    ],
)
def test_projects_keep_to_their_aggregates(
    project_id: str, settings: dict[str, bool], member_of: tuple[frozenset[str], ...]
) -> None:
    spec = a_spec(project_id=project_id)
    query = ask(spec, FixedCloud(aggregates=TENANTS), **settings)
    assert query.root_member_of == member_of


def test_a_project_without_an_aggregate_is_refused_when_one_is_required() -> None:
    with pytest.raises(NoValidHost) as caught:
        ask(a_spec(), FixedCloud(aggregates=(an_aggregate(4),)), **REQUIRED)
    (removal,) = caught.value.details["explanation"]["removals"]
    assert removal["reason"].startswith("require_tenant_aggregate")


ISOLATED = (
    an_aggregate(1, {"trait:CUSTOM_WINDOWS": "required"}),
    an_aggregate(2, {"trait:CUSTOM_WINDOWS": "required", "trait:CUSTOM_GPU": "required"}),
    an_aggregate(3, {"trait:CUSTOM_GPU": "forbidden", "trait": "required"}),
)


@pytest.mark.parametrize(
    ("extra_specs", "image", "forbidden"),
    [
        ({}, {}, uuids(1, 2)),
        ({"trait:CUSTOM_WINDOWS": "required"}, {}, uuids(2)),
        ({}, {"trait:CUSTOM_WINDOWS": "required"}, uuids(2)),
        ({"trait:CUSTOM_GPU": "required"}, {"trait:CUSTOM_WINDOWS": "required"}, uuids()),
        ({"trait:CUSTOM_WINDOWS": "forbidden"}, {}, uuids(1, 2)),
        (
            {"resources1:VGPU": "1", "trait1:CUSTOM_WINDOWS": "required"},
            {},
            uuids(2),
        ),
    ],
)
def test_isolated_aggregates(
    extra_specs: dict[str, str], image: dict[str, str], forbidden: frozenset[str]
) -> None:
    cloud, spec = FixedCloud(aggregates=ISOLATED), a_spec(extra_specs, image)
    isolating = ask(spec, cloud, enable_isolated_aggregate_filtering=True)
    assert isolating.root_forbidden_aggregates == forbidden
    assert ask(spec, cloud).root_forbidden_aggregates == uuids()


traits = st.frozensets(st.sampled_from(["CUSTOM_A", "CUSTOM_B", "CUSTOM_C"]))


@given(wanted=traits, aggregates=st.lists(traits, max_size=5))
def test_an_aggregate_is_open_just_to_requests_for_all_of_its_traits(
    wanted: frozenset[str], aggregates: list[frozenset[str]]
) -> None:
    cloud = FixedCloud(
        aggregates=tuple(
            an_aggregate(number, {f"trait:{trait}": "required" for trait in isolating})
            for number, isolating in enumerate(aggregates)
        )
    )
    spec = a_spec({f"trait:{trait}": "required" for trait in wanted})
    query = ask(spec, cloud, enable_isolated_aggregate_filtering=True)
    for number, isolating in enumerate(aggregates):
        assert (f"agg-{number}" in query.root_forbidden_aggregates) == (not isolating <= wanted)


IMAGE_TYPE = {"query_placement_for_image_type_support": True}


@pytest.mark.parametrize(
    ("changes", "settings", "required"),
    [
        ({"image_disk_format": "qcow2"}, {}, set()),
        ({"image_disk_format": "qcow2"}, IMAGE_TYPE, {"COMPUTE_IMAGE_TYPE_QCOW2"}),
        ({"image_disk_format": "raw", "boots_from_volume": True}, IMAGE_TYPE, set()),
        ({"image_disk_format": "floppy"}, IMAGE_TYPE, set()),
        ({}, IMAGE_TYPE, set()),
    ],
)
def test_disk_formats(
    changes: dict[str, Any], settings: dict[str, bool], required: set[str]
) -> None:
    assert ask(a_spec(**changes), **settings).root_required == required


@pytest.mark.parametrize(
    ("image", "required"),
    [
        ({"hw_disk_bus": "virtio"}, {"COMPUTE_STORAGE_BUS_VIRTIO"}),
        ({"hw_cdrom_bus": "sata"}, {"COMPUTE_STORAGE_BUS_SATA"}),
        ({"hw_video_model": "vga"}, {"COMPUTE_GRAPHICS_MODEL_VGA"}),
        ({"hw_vif_model": "spapr-vlan"}, {"COMPUTE_NET_VIF_MODEL_SPAPR_VLAN"}),
        ({"hw_vif_model": "VirtualE1000"}, set()),
        ({"hw_architecture": "x86_64"}, {"HW_ARCH_X86_64"}),
        ({"hw_emulation_architecture": "aarch64"}, {"COMPUTE_ARCH_AARCH64"}),
        ({"hw_viommu_model": "smmuv3"}, {"COMPUTE_VIOMMU_MODEL_SMMUV3"}),
        (
            {"hw_disk_bus": "scsi", "hw_video_model": "qxl", "os_distro": "plan9"},
            {"COMPUTE_STORAGE_BUS_SCSI", "COMPUTE_GRAPHICS_MODEL_QXL"},
        ),
    ],
)
def test_devices_of_images(image: dict[str, str], required: set[str]) -> None:
    assert ask(a_spec(image=image), image_metadata_prefilter=True).root_required == required
    assert ask(a_spec(image=image)).root_required == set()


@pytest.mark.parametrize(
    ("extra_specs", "image", "required"),
    [
        ({"accel:device_profile": "fpga"}, {}, {"COMPUTE_ACCELERATORS"}),
        ({"hw:virtio_packed_ring": "true"}, {}, {"COMPUTE_NET_VIRTIO_PACKED"}),
        ({}, {"hw_virtio_packed_ring": "yes"}, {"COMPUTE_NET_VIRTIO_PACKED"}),
        ({"hw:virtio_packed_ring": "false"}, {}, set()),
        ({"hw:ephemeral_encryption": "true"}, {}, {"COMPUTE_EPHEMERAL_ENCRYPTION"}),
        (
            {"hw:ephemeral_encryption": "true"},
            {"hw_ephemeral_encryption_format": "luks"},
            {"COMPUTE_EPHEMERAL_ENCRYPTION", "COMPUTE_EPHEMERAL_ENCRYPTION_LUKS"},
        ),
        ({"hw:ephemeral_encryption_format": "luks"}, {}, set()),
        ({"hw:sound_model": "virtio"}, {}, {"COMPUTE_SOUND_MODEL_VIRTIO"}),
        ({}, {"hw_sound_model": "virtio"}, {"COMPUTE_SOUND_MODEL_VIRTIO"}),
        ({"hw:sound_model": "ich9"}, {}, set()),
        (
            {"hw:tpm_secret_security": "deployment"},
            {},
            {"COMPUTE_SECURITY_TPM_SECRET_SECURITY_DEPLOYMENT"},
        ),
    ],
)
def test_features_of_hosts(
    extra_specs: dict[str, str], image: dict[str, str], required: set[str]
) -> None:
    assert ask(a_spec(extra_specs, image)).root_required == required


@pytest.mark.parametrize(
    ("vnic_type", "required"),
    [("remote-managed", {"COMPUTE_REMOTE_MANAGED_PORTS"}), ("normal", set())],
)
def test_remote_managed_ports(vnic_type: str, required: set[str]) -> None:
    items = (RequestedNetwork(network_id="n"), RequestedNetwork(port_id="p", vnic_type=vnic_type))
    networks = RequestedNetworks(mode=NetworkMode.LISTED, items=items)
    assert ask(a_spec(networks=networks)).root_required == required


def test_routed_networks() -> None:
    spec = a_spec(network_aggregates=(("agg-1", "agg-2"), ("agg-3",)))
    routing = {"query_placement_for_routed_network_aggregates": True}
    assert ask(spec, **routing).root_member_of == (uuids(1, 2), uuids(3))
    assert ask(spec).root_member_of == ()
    with pytest.raises(NoValidHost):
        ask(a_spec(network_aggregates=((),)), **routing)


def test_devices_of_cyborg_are_not_taken_for_those_of_nova() -> None:
    theirs = RequestGroup(suffix="_profile", resources={"VGPU": 1})
    extra_specs = {"resources:VGPU": "1", "resources1:CUSTOM_X": "1"}
    groups = groups_of(ask(a_spec(extra_specs, request_groups=(theirs,))))
    assert groups[""].forbidden == {"OWNER_CYBORG"}
    assert groups["1"].forbidden == groups["_profile"].forbidden == set()


def test_every_demand_for_aggregates_counts() -> None:
    cloud = FixedCloud(
        aggregates=(
            an_aggregate(1, {"availability_zone": "north"}),
            Aggregate(id=2, uuid="agg-2", name="b", metadata={"filter_tenant_id": "project-1"}),
        )
    )
    query = ask(a_spec(availability_zone="north"), cloud, **LIMITED)
    assert set(query.root_member_of) == {uuids(1), uuids(2)}


@pytest.mark.parametrize(
    "name", [field.name for field in dataclasses.fields(RequestSettings) if field.default is False]
)
def test_options_arrive(tmp_path: Path, name: str) -> None:
    path = tmp_path / "nova.conf"
    path.write_text(f"[DEFAULT]\ndefault_availability_zone = home\n[scheduler]\n{name} = true\n")
    conf = cfg.ConfigOpts()
    register_opts(conf, ("scheduler", "zones"))
    conf([], default_config_files=[str(path)], default_config_dirs=[])
    expected = dataclasses.replace(RequestSettings(default_zone="home"), **{name: True})
    assert request_settings(conf) == expected


def test_every_prefilter_is_described() -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "prefilters.md"
    named = set(re.findall(r"^\| `([a-z_]+)` \|", page.read_text("utf-8"), re.MULTILINE))
    assert named == set(PREFILTERS)
