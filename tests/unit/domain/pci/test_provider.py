from __future__ import annotations

from nova_clone.domain.pci.device import VF, PciPool
from nova_clone.domain.pci.fit import PciSupply, by_card, fit_pci
from nova_clone.domain.pci.provider import (
    device_providers,
    group_suffix,
    on_providers,
    provider_name,
)
from nova_clone.domain.pci.request import DeviceWish, PciRequest

ANY = (DeviceWish(),)
GPU, NIC = (PciRequest(alias=name, count=2, wishes=ANY) for name in ("gpu", "nic"))
NAMES = {"p1": provider_name("node", "a"), "p2": provider_name("node", "b"), "root": "node"}
POOLS = (
    PciPool(vendor_id="1", product_id="1", addresses=("a", "b")),
    PciPool(vendor_id="1", product_id="2", device_type=VF, parent="pf", addresses=("v1", "v2")),
)


def cards(*providers: str) -> list[tuple[str, int, str | None]]:
    """Return alias, count and card of the requests when the first has these providers."""
    given = {group_suffix(0, number): provider for number, provider in enumerate(providers)}
    found = on_providers((GPU, NIC), given, NAMES, node="node")
    return [(request.alias, request.count, request.card) for request in found]


def test_each_request_is_for_the_devices_of_its_groups() -> None:
    assert cards("p1", "p1") == [("gpu", 2, "a"), ("nic", 2, None)]
    assert cards("p2", "p1") == [("gpu", 1, "b"), ("gpu", 1, "a"), ("nic", 2, None)]
    assert cards() == [("gpu", 2, None), ("nic", 2, None)]


def test_what_is_no_device_of_the_node_has_none() -> None:
    assert cards("root", "unknown") == [("gpu", 1, ""), ("gpu", 1, ""), ("nic", 2, None)]


def test_groups_of_devices_are_known_by_their_suffix() -> None:
    mappings = {group_suffix(0, 0): ("p1",), "port": ("p2",), group_suffix(0, 1): ()}
    assert device_providers(mappings) == {group_suffix(0, 0): "p1"}


def test_a_card_is_a_device_or_has_functions() -> None:
    def given(card: str, count: int, *used: str) -> list[str] | None:
        supply = PciSupply(pools=by_card(POOLS), used=frozenset(used))
        found = fit_pci(supply, (PciRequest(alias="x", count=count, wishes=ANY, card=card),), None)
        return None if found is None else [grant.address for grant in found]

    assert given("b", 1) == ["b"]
    assert given("pf", 2) == ["v1", "v2"]
    assert given("pf", 1, "v1") == ["v2"]
    assert [given("b", 2), given("b", 1, "b"), given("p", 1), given("", 1)] == [None] * 4
