from __future__ import annotations

import logging
from pathlib import Path

import pytest

from nova_clone.compute.inventory.provider_config import load, resolve
from nova_clone.contracts.hosts import Addition
from nova_clone.domain.errors import Invalid
from nova_clone.domain.host import Component, HostResources
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.resources import Inventory

UUID = "5213b75d-9260-42a6-b236-f39b0fd10561"
FILE = f"""
meta:
  schema_version: '1.0'
providers:
  - identification:
      uuid: $COMPUTE_NODE
    inventories:
      additional:
        - CUSTOM_LICENSE:
            total: 22
            reserved: 2
            min_unit: 1
            max_unit: 10
            step_size: 1
            allocation_ratio: 2.5
    traits:
      additional:
        - CUSTOM_GOLD
  - identification:
      uuid: {UUID.upper()}
    traits:
      additional: [CUSTOM_B, CUSTOM_A, CUSTOM_A]
  - identification:
      name: elsewhere
    a_later_key: of a later minor version
"""


def write(directory: Path, text: str, name: str = "one.yaml") -> Path:
    (directory / name).write_text(text)
    return directory


def a_file(provider: str, version: str = "'1.0'") -> str:
    return f"{{meta: {{schema_version: {version}}}, providers: [{provider}]}}"


def some(**fields: object) -> HostResources:
    values = {
        "hypervisor_hostname": "host1",
        "uuid": UUID,
        "hypervisor_type": "fake",
        "hypervisor_version": 1,
        "inventories": {"VCPU": Inventory(total=4)},
        "traits": ("COMPUTE_NODE",),
        "components": (
            Component(name="host1_gpu", inventories={"CUSTOM_PCI": Inventory(total=1)}),
        ),
    }
    return HostResources(**(values | fields))  # type: ignore[arg-type]


class TestFiles:
    def test_files_say_what_is_added(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING):
            node, other, elsewhere = load(write(tmp_path, FILE))
        assert node == Addition(
            provider="$COMPUTE_NODE",
            inventories={
                "CUSTOM_LICENSE": Inventory(total=22, reserved=2, max_unit=10, allocation_ratio=2.5)
            },
            traits=("CUSTOM_GOLD",),
        )
        assert other == Addition(provider=UUID, traits=("CUSTOM_A", "CUSTOM_B"))
        assert elsewhere == Addition(provider="elsewhere")
        assert "nothing is added to provider elsewhere" in caplog.text

    def test_there_need_be_none(self, tmp_path: Path) -> None:
        assert load(tmp_path / "missing") == ()
        assert load(write(tmp_path, "nonsense", "one.txt")) == ()

    def test_a_provider_has_one_description(self, tmp_path: Path) -> None:
        write(tmp_path, a_file("{identification: {name: a}}"), "one.yaml")
        write(tmp_path, a_file("{identification: {name: a}}"), "two.yaml")
        with pytest.raises(Invalid, match=r"two\.yaml: provider a is described twice"):
            load(tmp_path)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("{", "is not YAML"),
            ("[]", "the file"),
            ("{meta: {}, providers: []}", "meta"),
            (a_file("{identification: {name: a}}", "'2.0'"), "schema_version"),
            (a_file("{identification: {name: a}}", "1.0"), "schema_version"),
            (a_file("{traits: {additional: [CUSTOM_A]}}"), "identification"),
            (a_file("{identification: {}}"), "identification"),
            (a_file(f"{{identification: {{name: a, uuid: {UUID}}}}}"), "identification"),
            (a_file("{identification: {uuid: a}}"), "uuid"),
            (a_file("{identification: {name: $COMPUTE_NODE}}"), "name"),
            (a_file("{identification: {name: a}, traits: {additional: [HW_CPU_X86_AVX]}}"), "AVX"),
            (a_file("{identification: {name: a}, traits: {extra: []}}"), "extra"),
            (
                a_file(
                    "{identification: {name: a}, inventories: {additional: [{VCPU: {total: 1}}]}}"
                ),
                "VCPU",
            ),
            (
                a_file("{identification: {name: a}, inventories: {additional: [{CUSTOM_A: {}}]}}"),
                "total",
            ),
            (
                a_file(
                    "{identification: {name: a},"
                    " inventories: {additional: [{CUSTOM_A: {total: 1, reserved: 2}}]}}"
                ),
                "more is reserved",
            ),
            (
                a_file(
                    "{identification: {name: a}, inventories: {additional: ["
                    "{CUSTOM_A: {total: 9, min_unit: 3, max_unit: 2}}]}}"
                ),
                "min_unit",
            ),
            (
                a_file(
                    "{identification: {name: a}, inventories: {additional: ["
                    "{CUSTOM_A: {total: 1}}, {CUSTOM_A: {total: 2}}]}}"
                ),
                "given twice",
            ),
            (a_file("{identification: {name: a}, 1: 2}"), "JSON has no form"),
            (
                a_file(
                    "{identification: {name: a}, inventories: {additional: ["
                    "{CUSTOM_A: {total: 1, allocation_ratio: .nan}}]}}"
                ),
                "allocation_ratio",
            ),
        ],
    )
    def test_what_is_wrong_is_told_with_its_place(
        self, tmp_path: Path, text: str, words: str
    ) -> None:
        with pytest.raises(Invalid, match=words) as raised:
            load(write(tmp_path, text))
        assert str(tmp_path / "one.yaml") in raised.value.message


class TestProviders:
    @pytest.mark.parametrize("name", ["$COMPUTE_NODE", UUID, "host1"])
    def test_the_node_is_added_to(self, name: str) -> None:
        addition = Addition(
            provider=name, inventories={"CUSTOM_X": Inventory(total=1)}, traits=("CUSTOM_T",)
        )
        found = resolve((addition,), some())
        assert set(found.resources.inventories) == {"VCPU", "CUSTOM_X"}
        assert found.resources.traits == ("COMPUTE_NODE", "CUSTOM_T")
        assert found.additions == ()

    def test_what_names_the_node_counts_before_what_stands_for_all(self) -> None:
        every = Addition(provider="$COMPUTE_NODE", traits=("CUSTOM_ALL",))
        mine = Addition(provider="host1", traits=("CUSTOM_MINE",))
        found = resolve((every, mine), some())
        assert found.resources.traits == ("COMPUTE_NODE", "CUSTOM_MINE")
        nothing = Addition(provider="host1")
        found = resolve((nothing, every), some())
        assert found.resources.traits == ("COMPUTE_NODE", "CUSTOM_ALL")

    def test_components_are_added_to(self) -> None:
        (found,) = resolve(
            (Addition(provider="host1_gpu", traits=("CUSTOM_T",)),), some()
        ).resources.components
        assert found.traits == ("CUSTOM_T",)

    def test_providers_of_others_are_passed_on(self) -> None:
        addition = Addition(provider=new_uuid(), traits=("CUSTOM_T",))
        found = resolve((addition,), some())
        assert found.additions == (addition,)
        assert found.resources == some()

    def test_two_names_of_one_provider_are_refused(self) -> None:
        additions = (
            Addition(provider=UUID, traits=("CUSTOM_A",)),
            Addition(provider="host1", traits=("CUSTOM_B",)),
        )
        with pytest.raises(Invalid, match="described twice"):
            resolve(additions, some())

    def test_what_the_host_reports_cannot_be_configured(self) -> None:
        addition = Addition(provider="host1_gpu", inventories={"CUSTOM_PCI": Inventory(total=9)})
        with pytest.raises(Invalid, match="CUSTOM_PCI of provider host1_gpu"):
            resolve((addition,), some())
