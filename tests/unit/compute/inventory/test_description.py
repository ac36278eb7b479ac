from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_clone.compute.inventory.description import described
from nova_clone.compute.inventory.mediated import MediatedType
from nova_clone.compute.inventory.offer import initial_ratios, offered
from nova_clone.compute.settings import InventorySettings
from nova_clone.domain.errors import Invalid
from nova_clone.domain.hardware import Hardware, MediatedParent
from nova_clone.domain.host import Component, HostResources
from nova_clone.domain.resources import DISK_GB, MEMORY_MB, PCPU, VCPU, Inventory
from nova_clone.domain.topology.division import parse_division
from nova_clone.domain.topology.host import HostCell, HostTopology


def some(vcpus: int = 8, memory: int = 4096, disk: int = 100) -> HostResources:
    totals = {VCPU: vcpus, MEMORY_MB: memory, DISK_GB: disk}
    return HostResources(
        hypervisor_hostname="host1",
        uuid="u",
        hypervisor_type="fake",
        hypervisor_version=1,
        inventories={name: Inventory(total=n, max_unit=n) for name, n in totals.items()},
    )


def divided(shared: str | None, dedicated: str | None) -> dict[str, Inventory]:
    settings = InventorySettings(division=parse_division(shared=shared, dedicated=dedicated))
    found = offered(described(some(), settings), settings)
    return dict(found.inventories)


class TestProcessors:
    def test_undivided_they_are_shared(self) -> None:
        found = divided(None, None)
        assert found[VCPU].total == 8
        assert PCPU not in found

    def test_dedicated_alone_leaves_none_to_share(self) -> None:
        found = divided(None, "4-7")
        assert VCPU not in found
        assert found[PCPU] == Inventory(total=4, max_unit=4, allocation_ratio=1.0)

    def test_shared_alone(self) -> None:
        found = divided("2-3", None)
        assert (found[VCPU].total, found[VCPU].allocation_ratio) == (2, 4.0)
        assert PCPU not in found

    def test_both(self) -> None:
        found = divided("0-1", "2-7,^7")
        assert (found[VCPU].total, found[PCPU].total) == (2, 5)
        assert (found[VCPU].reserved, found[PCPU].reserved) == (0, 0)

    def test_processors_that_are_not_there_are_refused(self) -> None:
        with pytest.raises(Invalid, match="cpu_dedicated_set"):
            divided(None, "6-9")

    @pytest.mark.parametrize(("shared", "dedicated"), [("0", None), (None, "0"), ("0", "1")])
    def test_a_reserve_makes_no_sense_beside_sets(
        self, shared: str | None, dedicated: str | None
    ) -> None:
        division = parse_division(shared=shared, dedicated=dedicated)
        with pytest.raises(Invalid, match="reserved_host_cpus"):
            InventorySettings(reserved_cpus=1, division=division)

    def test_threads_are_told(self) -> None:
        cell = HostCell(id=0, shared="0-3", cores="0,2 1,3")
        told = dataclasses.replace(some(), hardware=Hardware(topology=HostTopology(cells=(cell,))))
        assert described(told, InventorySettings()).traits == ("HW_CPU_HYPERTHREADING",)
        assert described(some(), InventorySettings()).lacking == ("HW_CPU_HYPERTHREADING",)

    def test_devices_become_components_once(self) -> None:
        parent = MediatedParent(name="pci_1", address="0000:06:00.0", types={"t": 1})
        settings = InventorySettings(mediated=(MediatedType(name="t"),))
        found = described(dataclasses.replace(some(), mediated=(parent,)), settings)
        assert [each.name for each in found.components] == ["host1_pci_1"]
        assert found.mediated == ()


@given(
    total=st.integers(1, 10**6),
    reserved=st.integers(0, 2 * 10**6),
    ratio=st.one_of(st.none(), st.floats(0, 1000)),
    initial=st.floats(0.01, 1000),
)
def test_what_is_offered_is_never_less_than_nothing(
    total: int, reserved: int, ratio: float | None, initial: float
) -> None:
    settings = InventorySettings(
        reserved_cpus=reserved,
        reserved_memory_mb=reserved,
        reserved_disk_mb=reserved,
        cpu_ratio=ratio,
        ram_ratio=ratio,
        disk_ratio=ratio,
        initial_cpu_ratio=initial,
        initial_ram_ratio=initial,
        initial_disk_ratio=initial,
    )
    found = offered(some(total, total, total), settings)
    for name, item in found.inventories.items():
        assert 0 <= item.reserved <= item.total == total
        assert 0 <= item.capacity <= (total - item.reserved) * item.allocation_ratio
        assert item.allocation_ratio == (ratio or initial)
        assert item.max_unit == total
        assert (name in initial_ratios(settings)) is (not ratio)


def test_components_share_the_ratios_but_not_the_reserve() -> None:
    cell = Component(name="host1_NUMA0", inventories={VCPU: Inventory(total=4)})
    resources = HostResources(
        hypervisor_hostname="host1",
        uuid="u",
        hypervisor_type="fake",
        hypervisor_version=1,
        components=(cell,),
    )
    settings = InventorySettings(cpu_ratio=3.0, reserved_cpus=1)
    (found,) = offered(resources, settings).components
    assert found.inventories[VCPU] == Inventory(total=4, allocation_ratio=3.0)
