from __future__ import annotations

import logging

import pytest

from nova_clone.compute.inventory.mediated import MediatedType, checked, components
from nova_clone.domain.errors import Invalid
from nova_clone.domain.hardware import MediatedParent
from nova_clone.domain.resources import Inventory

FIRST = MediatedParent(
    name="pci_0000_06_00_0", address="0000:06:00.0", types={"nvidia-35": 8, "nvidia-36": 4}
)
SECOND = MediatedParent(name="pci_0000_07_00_0", address="0000:07:00.0", types={"nvidia-36": 4})


def told(*types: MediatedType) -> dict[str, dict[str, Inventory]]:
    found = components((SECOND, FIRST), types, hostname="host1")
    return {each.name: dict(each.inventories) for each in found}


def test_one_type_is_taken_from_every_device_that_has_it() -> None:
    assert told(MediatedType(name="nvidia-36")) == {
        "host1_pci_0000_06_00_0": {"VGPU": Inventory(total=4, max_unit=4)},
        "host1_pci_0000_07_00_0": {"VGPU": Inventory(total=4, max_unit=4)},
    }
    assert list(told(MediatedType(name="nvidia-35"))) == ["host1_pci_0000_06_00_0"]
    assert told() == {}


def test_types_have_their_devices_classes_and_limits() -> None:
    found = told(
        MediatedType(
            name="nvidia-35",
            addresses=frozenset({"0000:06:00.0"}),
            resource_class="CUSTOM_BIG",
            max_instances=2,
        ),
        MediatedType(name="nvidia-36", addresses=frozenset({"0000:07:00.0"}), max_instances=9),
    )
    assert found == {
        "host1_pci_0000_06_00_0": {"CUSTOM_BIG": Inventory(total=2, max_unit=2)},
        "host1_pci_0000_07_00_0": {"VGPU": Inventory(total=4, max_unit=4)},
    }


def test_of_types_that_cannot_be_told_apart_the_first_is_offered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    types = (MediatedType(name="nvidia-36"), MediatedType(name="nvidia-35"))
    with caplog.at_level(logging.WARNING):
        assert checked(types) == types[:1]
    assert "only nvidia-36 is offered" in caplog.text


def test_two_types_cannot_have_one_device() -> None:
    both = frozenset({"0000:06:00.0"})
    with pytest.raises(Invalid, match="nvidia-35 and nvidia-36 both want"):
        checked(
            (
                MediatedType(name="nvidia-35", addresses=both),
                MediatedType(name="nvidia-36", addresses=both),
            )
        )


def test_an_address_is_one() -> None:
    with pytest.raises(Invalid, match="mdev_nvidia-35"):
        MediatedType(name="nvidia-35", addresses=frozenset({"06:00"}))
