from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_clone.domain.errors import Invalid, NoValidHost
from nova_clone.domain.port import NetworkMode, RequestedNetwork, RequestedNetworks
from nova_clone.domain.resources import RequestGroup
from tests.unit.scheduler.requests import FixedCloud, a_spec, ask, groups_of

SIZES = {"VCPU": 4, "MEMORY_MB": 2048, "DISK_GB": 20}
PORT_GROUP = RequestGroup(
    suffix="_port-1",
    resources={"NET_BW_EGR_KILOBIT_PER_SEC": 1000},
    required=(frozenset({"CUSTOM_PHYSNET_A"}),),
)


@pytest.mark.parametrize(
    ("extra_specs", "changes", "resources"),
    [
        ({}, {}, SIZES),
        ({}, {"flavor": {"ephemeral": 5, "swap": 1025}}, SIZES | {"DISK_GB": 27}),
        ({}, {"boots_from_volume": True}, {"VCPU": 4, "MEMORY_MB": 2048}),
        ({}, {"boots_from_volume": True, "flavor": {"swap": 1}}, SIZES | {"DISK_GB": 1}),
        ({"resources:VCPU": "0"}, {}, {"MEMORY_MB": 2048, "DISK_GB": 20}),
        ({"resources:DISK_GB": "7"}, {}, SIZES | {"DISK_GB": 7}),
        ({"resources:VGPU": "1"}, {}, SIZES | {"VGPU": 1}),
        ({"resources:CUSTOM_X": "0"}, {}, SIZES),
        (
            {
                "resources:VCPU": "0",
                "resources:MEMORY_MB": "0",
                "resources:DISK_GB": "0",
                "resources:CUSTOM_BAREMETAL_GOLD": "1",
            },
            {},
            {"CUSTOM_BAREMETAL_GOLD": 1},
        ),
        ({"resources:PCPU": "4"}, {}, {"PCPU": 4, "MEMORY_MB": 2048, "DISK_GB": 20}),
        ({"hw:cpu_policy": "dedicated"}, {}, {"PCPU": 4, "MEMORY_MB": 2048, "DISK_GB": 20}),
        (
            {"hw:cpu_policy": "dedicated", "hw:emulator_threads_policy": "isolate"},
            {},
            {"PCPU": 5, "MEMORY_MB": 2048, "DISK_GB": 20},
        ),
        (
            {"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "1-3"},
            {},
            SIZES | {"VCPU": 1, "PCPU": 3},
        ),
        ({"hw:cpu_policy": "shared"}, {}, SIZES),
        (
            {"hw:pmem": "4GB, 16GB,4GB"},
            {},
            SIZES | {"CUSTOM_PMEM_NAMESPACE_4GB": 2, "CUSTOM_PMEM_NAMESPACE_16GB": 1},
        ),
    ],
)
def test_sizes(
    extra_specs: dict[str, str], changes: dict[str, Any], resources: dict[str, int]
) -> None:
    (group,) = ask(a_spec(extra_specs, **changes)).groups
    assert (group.suffix, dict(group.resources)) == ("", resources)


def test_an_image_may_ask_for_dedicated_processors() -> None:
    (group,) = ask(a_spec(image={"hw_cpu_policy": "dedicated"})).groups
    assert group.resources["PCPU"] == 4


@given(
    vcpus=st.integers(2, 64),
    policy=st.sampled_from(["shared", "dedicated", "mixed"]),
    isolate=st.booleans(),
    first=st.integers(0, 62),
)
def test_every_processor_is_asked_for_once(
    vcpus: int, policy: str, isolate: bool, first: int
) -> None:
    extra_specs = {"hw:cpu_policy": policy}
    if policy == "mixed":
        extra_specs["hw:cpu_dedicated_mask"] = f"{first % (vcpus - 1)}"
    isolate = isolate and policy != "shared"
    if isolate:
        extra_specs["hw:emulator_threads_policy"] = "isolate"
    (group,) = ask(a_spec(extra_specs, flavor={"vcpus": vcpus})).groups
    asked = group.resources.get("VCPU", 0) + group.resources.get("PCPU", 0)
    assert asked == vcpus + isolate


def test_groups_with_suffixes() -> None:
    query = ask(
        a_spec(
            {
                "resources1:VGPU": "1",
                "trait1:CUSTOM_FAST": "required",
                "trait1:CUSTOM_OLD": "forbidden",
                "resources_DISK:DISK_GB": "30",
                "trait:HW_CPU_X86_AVX": "required",
                "group_policy": "isolate",
            }
        )
    )
    assert query.group_policy == "isolate"
    assert [group.suffix for group in query.groups] == ["", "1", "_DISK"]
    groups = groups_of(query)
    assert groups[""].resources == {"VCPU": 4, "MEMORY_MB": 2048}
    assert groups[""].required == (frozenset({"HW_CPU_X86_AVX"}),)
    assert groups["1"].resources == {"VGPU": 1}
    assert groups["1"].required == (frozenset({"CUSTOM_FAST"}),)
    assert {"CUSTOM_OLD"} <= groups["1"].forbidden
    assert groups["_DISK"].resources == {"DISK_GB": 30}


def test_a_group_without_resources_that_is_tied_to_others() -> None:
    query = ask(
        a_spec(
            {
                "resources_NIC:CUSTOM_VF": "1",
                "trait_ROOT:CUSTOM_NUMA": "required",
                "same_subtree": "_NIC, _ROOT",
                "group_policy": "none",
            }
        )
    )
    assert query.same_subtree == (("_NIC", "_ROOT"),)
    assert groups_of(query)["_ROOT"].resources == {}


def test_traits_are_said_of_the_root_when_nothing_else_could_carry_them() -> None:
    query = ask(
        a_spec(
            {
                "resources1:VCPU": "4",
                "resources1:MEMORY_MB": "2048",
                "resources1:DISK_GB": "20",
                "trait:CUSTOM_GOLD": "required",
                "trait:CUSTOM_RUST": "forbidden",
            },
            requested_host="one",
        ),
        FixedCloud(nodes=(("one", "one", "provider-1"),)),
    )
    (group,) = query.groups
    assert (group.suffix, group.in_tree) == ("1", "provider-1")
    assert query.root_required == {"CUSTOM_GOLD"}
    assert "CUSTOM_RUST" in query.root_forbidden


@pytest.mark.parametrize(
    ("extra_specs", "image", "text"),
    [
        ({"resources:VCPU": "many"}, {}, "resources:VCPU"),
        ({"resources:VCPU": "-1"}, {}, "resources:VCPU"),
        ({"resources:VCPU": "1.5"}, {}, "resources:VCPU"),
        ({"resources:CUSTOM_X": str(2**31)}, {}, "resources:CUSTOM_X"),
        ({"resources:vcpu": "1"}, {}, "resource class"),
        ({"trait:CUSTOM_X": "maybe"}, {}, "required"),
        ({"trait:custom": "required"}, {}, "trait"),
        ({"trait1:CUSTOM_X": "required"}, {}, "no resources"),
        ({"trait:CUSTOM_X": "forbidden"}, {"trait:CUSTOM_X": "required"}, "both required"),
        ({"group_policy": "both"}, {}, "group_policy"),
        ({"resources1:VGPU": "1", "resources2:VGPU": "1"}, {}, "group_policy"),
        ({"same_subtree": "_A"}, {}, "unknown groups"),
        ({f"resources:{name}": "0" for name in SIZES}, {}, "no resources at all"),
        ({"hw:cpu_policy": "own"}, {}, "cpu_policy"),
        ({"hw:cpu_policy": "shared"}, {"hw_cpu_policy": "dedicated"}, "cpu_policy"),
        ({"hw:cpu_policy": "mixed"}, {}, "cpu_dedicated_mask"),
        ({"hw:cpu_thread_policy": "isolate"}, {}, "thread"),
        ({"hw:emulator_threads_policy": "isolate"}, {}, "emulator_threads_policy"),
        ({"hw:tpm_model": "tpm-tis"}, {}, "tpm_version"),
        ({"hw:tpm_model": "tpm-crb", "hw:tpm_version": "1.2"}, {}, "tpm-crb"),
        ({"hw:tpm_version": "2.0"}, {"hw_tpm_version": "1.2"}, "tpm_version"),
        ({"hw:tpm_version": "3.0"}, {}, "tpm_version"),
        ({"hw:mem_encryption": "true"}, {"hw_mem_encryption": "false"}, "mem_encryption"),
        ({"hw:mem_encryption": "perhaps"}, {}, "mem_encryption"),
        ({"hw:mem_encryption": "true"}, {}, "uefi"),
        ({"os:secure_boot": "required"}, {"os_secure_boot": "disabled"}, "secure_boot"),
        ({}, {"hw_firmware_stateless": "true"}, "uefi"),
        ({"hw:pmem": "4 GB!"}, {}, "pmem"),
        ({"hw:maxphysaddr_mode": "wide"}, {}, "maxphysaddr_mode"),
        ({"hw:ephemeral_encryption_format": "rot13"}, {}, "ephemeral_encryption_format"),
        ({"hw:tpm_secret_security": "nobody"}, {}, "tpm_secret_security"),
    ],
)
def test_what_makes_no_sense_is_refused(
    extra_specs: dict[str, str], image: dict[str, str], text: str
) -> None:
    with pytest.raises(Invalid, match=text):
        ask(a_spec(extra_specs, image))


@pytest.mark.parametrize(
    ("extra_specs", "image", "required", "forbidden"),
    [
        ({}, {"trait:CUSTOM_LICENSED": "required"}, {"CUSTOM_LICENSED"}, set()),
        ({}, {"trait:CUSTOM_LICENSED": "forbidden"}, set(), set()),
        ({"trait:A": "required", "trait:B": "forbidden"}, {}, {"A"}, {"B"}),
        (
            {"hw:cpu_policy": "dedicated", "hw:cpu_thread_policy": "require"},
            {},
            {"HW_CPU_HYPERTHREADING"},
            set(),
        ),
        (
            {"hw:cpu_policy": "dedicated"},
            {"hw_cpu_thread_policy": "isolate"},
            set(),
            {"HW_CPU_HYPERTHREADING"},
        ),
        ({"hw:tpm_version": "1.2"}, {}, {"COMPUTE_SECURITY_TPM_1_2"}, set()),
        (
            {"hw:tpm_version": "2.0"},
            {"hw_tpm_model": "tpm-crb"},
            {"COMPUTE_SECURITY_TPM_2_0", "COMPUTE_SECURITY_TPM_CRB"},
            set(),
        ),
        ({"os:secure_boot": "required"}, {}, {"COMPUTE_SECURITY_UEFI_SECURE_BOOT"}, set()),
        ({}, {"os_secure_boot": "required"}, {"COMPUTE_SECURITY_UEFI_SECURE_BOOT"}, set()),
        ({"os:secure_boot": "disabled"}, {}, set(), set()),
        (
            {},
            {"hw_firmware_stateless": "true", "hw_firmware_type": "uefi"},
            {"COMPUTE_SECURITY_STATELESS_FIRMWARE"},
            set(),
        ),
        (
            {"hw:maxphysaddr_mode": "emulate"},
            {},
            {"COMPUTE_ADDRESS_SPACE_EMULATED"},
            set(),
        ),
    ],
)
def test_traits_of_the_guest(
    extra_specs: dict[str, str], image: dict[str, str], required: set[str], forbidden: set[str]
) -> None:
    (group,) = ask(a_spec(extra_specs, image)).groups
    assert {trait for (trait,) in group.required} == required
    assert group.forbidden == forbidden


@pytest.mark.parametrize(
    ("model", "trait"),
    [
        ({}, "HW_CPU_X86_AMD_SEV"),
        ({"hw:mem_encryption_model": "amd-sev-es"}, "HW_CPU_X86_AMD_SEV_ES"),
    ],
)
def test_encrypted_memory_takes_a_context_of_its_kind(model: dict[str, str], trait: str) -> None:
    query = ask(a_spec({"hw:mem_encryption": "true", **model}, {"hw_firmware_type": "uefi"}))
    (context,) = (group for group in query.groups if group.suffix)
    assert context.resources == {"MEM_ENCRYPTION_CONTEXT": 1}
    assert context.required == (frozenset({trait}),)


def test_needs_of_ports_and_devices_are_groups_of_their_own() -> None:
    device = RequestGroup(suffix="_device", resources={"FPGA": 1})
    port = RequestedNetwork(
        port_id="port-1", request_groups=(PORT_GROUP,), same_subtree=(("_port-1", "_device"),)
    )
    query = ask(
        a_spec(
            {"resources1:VGPU": "1"},
            request_groups=(device,),
            root_required=frozenset({"HW_NUMA_ROOT"}),
            networks=RequestedNetworks(mode=NetworkMode.LISTED, items=(port,)),
        )
    )
    groups = groups_of(query)
    assert groups["_port-1"] == PORT_GROUP
    assert groups["_device"] == device
    assert query.group_policy == "none"
    assert query.same_subtree == (("_port-1", "_device"),)
    assert "HW_NUMA_ROOT" in query.root_required


ALIASES = (
    '{"name": "gpu", "vendor_id": "10DE", "product_id": "20b0"}',
    '{"name": "gpu", "vendor_id": "10de", "product_id": "20b0"}',
    '{"name": "nic", "resource_class": "nic vf", "traits": "fast, HW_NIC_SRIOV,"}',
    '{"name": "here", "resource_class": "PGPU", "live_migratable": "no"}',
    '{"name": "anywhere", "resource_class": "CUSTOM_X", "live_migratable": "YES"}',
)


def test_devices_are_groups_where_placement_chooses_them() -> None:
    spec = a_spec({"pci_passthrough:alias": "gpu:2,nic:1,here:1,anywhere:1"})
    assert [group.suffix for group in ask(spec).groups] == [""]

    query = ask(spec, placed_aliases=ALIASES)
    found = [
        (dict(group.resources), {trait for (trait,) in group.required}, group.forbidden)
        for group in query.groups
        if group.suffix
    ]
    gpu: tuple[dict[str, int], set[str], frozenset[str]]
    gpu = ({"CUSTOM_PCI_10DE_20B0": 1}, set(), frozenset())
    migratable = "HW_PCI_LIVE_MIGRATABLE"
    assert found == [
        gpu,
        gpu,
        ({"CUSTOM_NIC_VF": 1}, {"CUSTOM_FAST", "HW_NIC_SRIOV"}, frozenset()),
        ({"PGPU": 1}, set(), {migratable}),
        ({"CUSTOM_X": 1}, {migratable}, frozenset()),
    ]
    assert len(groups_of(query)) == len(query.groups)
    assert query.distinct
    assert query.group_policy == "none"


def test_devices_of_different_aliases_are_told_apart() -> None:
    aliases = (ALIASES[0], '{"name": "any", "resource_class": "CUSTOM_PCI_10DE_20B0"}')
    spec = a_spec({"pci_passthrough:alias": "gpu:1,any:1"})
    assert not ask(spec, placed_aliases=aliases).distinct
    assert not ask(a_spec(), placed_aliases=aliases).distinct


def test_the_groups_of_devices_are_not_for_flavors() -> None:
    gpu = {"pci_passthrough:alias": "gpu:1"}
    groups = ask(a_spec(gpu), placed_aliases=ALIASES).groups
    suffix = next(group.suffix for group in groups if group.suffix)
    spec = a_spec({**gpu, f"resources{suffix}:VGPU": "1"})
    with pytest.raises(Invalid, match="kept for PCI devices"):
        ask(spec, placed_aliases=ALIASES)


NODES = (("one", "one", "p-1"), ("two", "two-a", "p-2"), ("two", "two-b", "p-3"))


@pytest.mark.parametrize(
    ("wanted", "in_tree", "limit"),
    [
        ({}, None, 9),
        ({"requested_host": "one"}, "p-1", 9),
        ({"forced_host": "one"}, "p-1", 9),
        ({"requested_node": "two-a"}, "p-2", 9),
        ({"forced_host": "two", "forced_node": "two-b"}, "p-3", 9),
        ({"forced_host": "two"}, None, 0),
    ],
)
def test_a_named_host_is_asked_for_alone(
    wanted: dict[str, str], in_tree: str | None, limit: int
) -> None:
    query = ask(a_spec(**wanted), FixedCloud(nodes=NODES), max_placement_results=9)
    assert (query.groups[0].in_tree, query.limit) == (in_tree, limit)


@pytest.mark.parametrize("wanted", [{"forced_host": "nine"}, {"requested_node": "one-b"}])
def test_an_unknown_host_has_no_candidates(wanted: dict[str, str]) -> None:
    with pytest.raises(NoValidHost) as caught:
        ask(a_spec(**wanted), FixedCloud(nodes=NODES))
    (removal,) = caught.value.details["explanation"]["removals"]
    assert "requested destination" in removal["reason"]


names = st.sampled_from(["VCPU", "MEMORY_MB", "DISK_GB", "VGPU", "CUSTOM_A", "CUSTOM_B"])
suffixes = st.sampled_from(["", "1", "_NIC"])


@given(st.dictionaries(st.tuples(suffixes, names), st.integers(0, 5), max_size=8))
def test_amounts_are_neither_lost_nor_invented(asked: dict[tuple[str, str], int]) -> None:
    extra_specs = {f"resources{suffix}:{name}": str(n) for (suffix, name), n in asked.items()}
    spec = a_spec({**extra_specs, "group_policy": "none"})
    expected = {key: amount for key, amount in asked.items() if amount}
    for name, amount in SIZES.items():
        if not any(name == other for _, other in asked):
            expected["", name] = amount
    if not expected:
        with pytest.raises(Invalid):
            ask(spec)
        return
    found = {
        (group.suffix, name): amount
        for group in ask(spec).groups
        for name, amount in group.resources.items()
    }
    assert found == expected
