from __future__ import annotations

import json
from typing import Any

import pytest

from nova_clone.compute.inventory.pci import PciSettings, components
from nova_clone.domain.errors import Invalid
from nova_clone.domain.host import Component
from nova_clone.domain.pci.device import PF, VF, PciDevice, parse_device_specs, pools
from nova_clone.domain.resources import Inventory

CARD = PciDevice(address="0000:81:00.0", vendor_id="8086", product_id="1563", device_type=PF)
FUNCTIONS = tuple(
    PciDevice(
        address=f"0000:81:10.{number}",
        vendor_id="8086",
        product_id="1565",
        device_type=VF,
        parent=CARD.address,
    )
    for number in range(3)
)
CRYPTO = tuple(
    PciDevice(address=f"0000:{bus}:00.0", vendor_id="8086", product_id="0435")
    for bus in ("05", "06")
)
EVERYTHING = (CARD, *FUNCTIONS, *CRYPTO)


def settings(*specs: dict[str, Any], report: bool = True) -> PciSettings:
    return PciSettings(specs=parse_device_specs(map(json.dumps, specs)), report=report)


def offered(chosen: PciSettings) -> tuple[Component, ...]:
    return components(pools(EVERYTHING, chosen.specs), chosen, hostname="host1")


def told(*specs: dict[str, Any]) -> dict[str, Component]:
    return {each.name: each for each in offered(settings(*specs))}


def test_each_device_is_a_provider() -> None:
    found = told({"vendor_id": "8086", "product_id": "0435"})
    assert sorted(found) == ["host1_0000:05:00.0", "host1_0000:06:00.0"]
    for each in found.values():
        assert each.inventories == {"CUSTOM_PCI_8086_0435": Inventory(total=1, max_unit=1)}
        assert each.traits == ("COMPUTE_MANAGED_PCI_DEVICE",)
        assert each.parent is None


def test_functions_count_at_their_card() -> None:
    spec = {"address": "0000:81:10.*", "resource_class": "nic vf", "traits": "fast, HW_NIC_SRIOV"}
    found = told(spec)
    assert list(found) == ["host1_0000:81:00.0"]
    (card,) = found.values()
    assert card.inventories == {"CUSTOM_NIC_VF": Inventory(total=3, max_unit=3)}
    assert card.traits == ("COMPUTE_MANAGED_PCI_DEVICE", "CUSTOM_FAST", "HW_NIC_SRIOV")


def test_a_standard_class_keeps_its_name() -> None:
    found = told({"product_id": "1563", "resource_class": "pgpu", "live_migratable": "yes"})
    (card,) = found.values()
    assert list(card.inventories) == ["PGPU"]
    assert "HW_PCI_LIVE_MIGRATABLE" in card.traits


def test_devices_of_networks_are_left_out() -> None:
    assert told({"product_id": "1565", "physical_network": "physnet1"}) == {}
    assert told({"product_id": "1565", "remote_managed": "true"}) == {}


def test_nothing_is_told_unless_it_is_wanted() -> None:
    assert offered(settings({"vendor_id": "8086"}, report=False)) == ()


@pytest.mark.parametrize(
    ("specs", "words"),
    [
        (({"address": "0000:81:00.0"},), "both a physical function"),
        (
            (
                {"address": "0000:81:10.0", "resource_class": "a"},
                {"address": "0000:81:10.*", "resource_class": "b"},
            ),
            "CUSTOM_A and CUSTOM_B",
        ),
        (
            (
                {"address": "0000:81:10.0", "resource_class": "a", "traits": "x"},
                {"address": "0000:81:10.*", "resource_class": "a"},
            ),
            "CUSTOM_X",
        ),
    ],
)
def test_parts_of_one_device_must_be_alike(specs: tuple[dict[str, Any], ...], words: str) -> None:
    with pytest.raises(Invalid, match=words) as raised:
        told(*specs)
    assert "0000:81:10.0" in raised.value.message


def test_names_of_devices_are_not_enough() -> None:
    with pytest.raises(Invalid, match="devname"):
        settings({"devname": "eth0"})
    settings({"devname": "eth0"}, report=False)


def test_devices_for_one_use_have_a_trait() -> None:
    found = told({"product_id": "0435", "one_time_use": True})
    assert all("HW_PCI_ONE_TIME_USE" in each.traits for each in found.values())
    found = told({"product_id": "0435", "one_time_use": "no"})
    assert not any("HW_PCI_ONE_TIME_USE" in each.traits for each in found.values())


@pytest.mark.parametrize(
    "tags", [{"physical_network": "physnet1"}, {"remote_managed": "true"}, None]
)
def test_only_placement_knows_which_devices_were_used(tags: dict[str, str] | None) -> None:
    spec = {"product_id": "0435", "one_time_use": "yes", **(tags or {})}
    with pytest.raises(Invalid, match="one_time_use"):
        settings(spec, report=tags is not None)


def test_functions_of_a_card_are_not_for_one_use() -> None:
    with pytest.raises(Invalid, match="virtual functions"):
        told({"product_id": "1565", "one_time_use": "yes"})
