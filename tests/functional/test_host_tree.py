"""The tree that a host reports, as Placement's clients see it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nova_clone.compute.inventory.mediated import MediatedType
from nova_clone.compute.inventory.pci import PciSettings
from nova_clone.compute.settings import InventorySettings
from nova_clone.contracts.hosts import UpdateService
from nova_clone.domain.errors import Conflict, Invalid
from nova_clone.domain.hardware import Hardware, MediatedParent
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.pci.device import PciPool
from nova_clone.domain.topology.host import HostCell, HostTopology
from tests.cloud import Cloud, an_admin, eventually
from tests.placement_service import Placement

HOST = "host-0"
CELLS = tuple(
    HostCell(id=number, shared=f"{4 * number}-{4 * number + 3}", memory_mb=4096)
    for number in range(2)
)
HARDWARE = Hardware(
    topology=HostTopology(cells=CELLS),
    pci=(PciPool(vendor_id="10de", product_id="20b0", addresses=("0000:41:00.0",)),),
)
GPU = MediatedParent(name="pci_0000_06_00_0", address="0000:06:00.0", types={"nvidia-35": 4})
PCI, VGPU = f"{HOST}_0000:41:00.0", f"{HOST}_pci_0000_06_00_0"
INVENTORY = InventorySettings(
    pci=PciSettings(report=True), mediated=(MediatedType(name="nvidia-35"),)
)
ADDED = """
meta: {schema_version: '1.0'}
providers:
  - identification: {uuid: $COMPUTE_NODE}
    inventories: {additional: [{CUSTOM_LICENSE: {total: 5}}]}
    traits: {additional: [CUSTOM_GOLD]}
  - identification: {name: host-0_0000:41:00.0}
    traits: {additional: [CUSTOM_FAST]}
"""


@dataclasses.dataclass
class Scene:
    """Placement before a cloud with one host."""

    placement: Placement

    @property
    def cloud(self) -> Cloud:
        return self.placement._cloud

    def start(self, **settings: Any) -> None:
        state = self.cloud.directory / HOST
        state.mkdir(exist_ok=True)
        (state / "fake-hardware").write_bytes(msgspec.json.encode(HARDWARE))
        (state / "fake-mediated").write_bytes(msgspec.json.encode((GPU,)))
        self.cloud.start_compute(HOST, **{"inventory": INVENTORY, **settings})

    def providers(self) -> dict[str, dict[str, Any]]:
        found = self.placement.ask("GET", "/resource_providers")["resource_providers"]
        return {each["name"]: each for each in found}

    def of(self, name: str, what: str) -> Any:
        provider_id = self.providers()[name]["uuid"]
        return self.placement.ask("GET", f"/resource_providers/{provider_id}/{what}")[what]

    def change(self, name: str, what: str, value: Any) -> None:
        def put() -> bool:
            provider = self.providers()[name]
            body = {what: value, "resource_provider_generation": provider["generation"]}
            path = f"/resource_providers/{provider['uuid']}/{what}"
            answer = self.placement.send("PUT", path, body)
            assert answer.status_code in (200, 409), answer.text
            return answer.status_code == 200

        # A report of the host may come between the look and the change.
        eventually(put, what=f"a change of {what}")


@pytest.fixture
def scene() -> Iterator[Scene]:
    placement = Placement()
    yield Scene(placement)
    placement.stop()


def test_the_tree_is_as_the_host_is(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "added.yaml").write_text(ADDED)
    scene.start(inventory=dataclasses.replace(INVENTORY, provider_config=tmp_path))
    found = scene.providers()
    assert set(found) == {HOST, PCI, VGPU}
    root = found[HOST]["uuid"]
    assert {each["root_provider_uuid"] for each in found.values()} == {root}
    assert {found[name]["parent_provider_uuid"] for name in (PCI, VGPU)} == {root}
    inventories = scene.of(HOST, "inventories")
    assert set(inventories) == {"VCPU", "MEMORY_MB", "DISK_GB", "CUSTOM_LICENSE"}
    assert (inventories["VCPU"]["total"], inventories["VCPU"]["allocation_ratio"]) == (8, 4.0)
    assert inventories["MEMORY_MB"]["reserved"] == 512
    assert {"COMPUTE_NODE", "CUSTOM_GOLD"} <= set(scene.of(HOST, "traits"))
    assert set(scene.of(PCI, "inventories")) == {"CUSTOM_PCI_10DE_20B0"}
    owned = ["COMPUTE_MANAGED_PCI_DEVICE", "CUSTOM_FAST", "OWNER_NOVA"]
    assert scene.of(PCI, "traits") == owned
    assert "OWNER_NOVA" in scene.of(HOST, "traits")
    vgpu = scene.of(VGPU, "inventories")["VGPU"]
    assert (vgpu["total"], vgpu["max_unit"], vgpu["allocation_ratio"]) == (4, 4, 1.0)


def test_what_belongs_to_the_host_heals_and_the_rest_stays(scene: Scene) -> None:
    scene.start(report_interval=0.05)
    scene.placement.ask("PUT", "/traits/CUSTOM_RACK_7")
    scene.change(HOST, "traits", ["CUSTOM_RACK_7", "STORAGE_DISK_SSD"])

    def healed() -> bool:
        return "COMPUTE_NODE" in scene.of(HOST, "traits")

    eventually(healed, what="traits")
    assert {"CUSTOM_RACK_7", "STORAGE_DISK_SSD"} <= set(scene.of(HOST, "traits"))
    scene.change(HOST, "inventories", {})
    eventually(lambda: "VCPU" in scene.of(HOST, "inventories"), what="inventories")
    gpu = scene.providers()[VGPU]["uuid"]
    scene.placement.ask("DELETE", f"/resource_providers/{gpu}")
    eventually(lambda: VGPU in scene.providers(), what="a component")
    ratio = scene.of(HOST, "inventories")
    ratio["VCPU"]["allocation_ratio"] = 9.0
    scene.change(HOST, "inventories", ratio)
    generation = scene.providers()[HOST]["generation"]
    scene.change(HOST, "inventories", ratio | {"VCPU": ratio["VCPU"] | {"total": 1}})
    eventually(lambda: scene.providers()[HOST]["generation"] > generation + 1, what="a report")
    shown = scene.of(HOST, "inventories")["VCPU"]
    assert (shown["total"], shown["allocation_ratio"]) == (8, 9.0)


def test_a_disabled_host_is_marked(scene: Scene) -> None:
    scene.start()
    for disabled in (True, False):
        request = UpdateService(host=HOST, binary="nova-compute", disabled=disabled)
        scene.cloud.conductor.update_service(an_admin(), request)
        assert ("COMPUTE_STATUS_DISABLED" in scene.of(HOST, "traits")) is disabled


def test_resources_move_into_the_cells_with_their_servers(scene: Scene) -> None:
    scene.start()
    root = scene.providers()[HOST]["uuid"]
    consumers = [new_uuid() for _ in range(3)]
    for consumer in consumers:
        body = {
            "allocations": {root: {"resources": {"VCPU": 4, "MEMORY_MB": 1500, "DISK_GB": 1}}},
            "project_id": "p",
            "user_id": "u",
            "consumer_generation": None,
            "consumer_type": "INSTANCE",
        }
        scene.placement.ask("PUT", f"/allocations/{consumer}", body)
    scene.cloud.stop_compute(HOST)
    (scene.cloud.directory / HOST / "fake-cell-providers").write_text("")
    scene.start()
    found = scene.providers()
    cells = {found[f"{HOST}_NUMA{number}"]["uuid"] for number in range(2)}
    assert set(scene.of(HOST, "inventories")) == {"DISK_GB"}
    chosen = []
    for consumer in consumers:
        held = scene.placement.ask("GET", f"/allocations/{consumer}")["allocations"]
        assert held.pop(root)["resources"] == {"DISK_GB": 1}
        ((cell, amounts),) = held.items()
        assert amounts["resources"] == {"VCPU": 4, "MEMORY_MB": 1500}
        chosen.append(cell)
    assert set(chosen) == cells


def test_another_node_under_the_hosts_name_does_not_start(scene: Scene) -> None:
    scene.start()
    scene.cloud.stop_compute(HOST)
    (scene.cloud.directory / HOST / "compute_id").write_text(new_uuid())
    before = set(scene.providers())
    with pytest.raises(Conflict, match="is registered as host host-0"):
        scene.start()
    assert set(scene.providers()) == before


def test_a_class_of_the_hosts_own_cannot_be_configured(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "added.yaml").write_text(
        f"{{meta: {{schema_version: '1.0'}}, providers: [{{identification: {{name: '{PCI}'}},"
        " inventories: {additional: [{CUSTOM_PCI_10DE_20B0: {total: 5}}]}}]}"
    )
    with pytest.raises(Invalid, match="CUSTOM_PCI_10DE_20B0"):
        scene.start(inventory=dataclasses.replace(INVENTORY, provider_config=tmp_path))
    assert scene.providers() == {}
