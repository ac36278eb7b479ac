from __future__ import annotations

import json
from typing import Any

import pytest

from nova_clone.domain.errors import Invalid
from nova_clone.domain.pci.device import PF, VF, PciDevice, parse_device_specs, pools

CARD = PciDevice(
    address="0000:41:00.0",
    vendor_id="8086",
    product_id="154d",
    device_type=PF,
    numa_node=1,
    devname="ens1",
)
FUNCTIONS = tuple(
    PciDevice(
        address=f"0000:41:10.{number}",
        vendor_id="8086",
        product_id="10ed",
        device_type=VF,
        numa_node=1,
        parent=CARD.address,
    )
    for number in (0, 2)
)
OTHER = PciDevice(address="0000:0a:00.1", vendor_id="10de", product_id="20b0", numa_node=0)
FAR = PciDevice(address="10000:0a:00.1", vendor_id="10de", product_id="20b0")
DEVICES = (CARD, *FUNCTIONS, OTHER, FAR)


def offered(*specs: Any) -> set[str]:
    found = pools(DEVICES, parse_device_specs(json.dumps(spec) for spec in specs))
    return {address for pool in found for address in pool.addresses}


@pytest.mark.parametrize(
    ("spec", "addresses"),
    [
        ({"vendor_id": "10de", "product_id": "20b0"}, {OTHER.address}),
        ({"vendor_id": "10DE"}, {OTHER.address}),
        ({"vendor_id": "*", "product_id": "154d"}, {CARD.address}),
        ({"address": "0000:0a:00.1"}, {OTHER.address}),
        ({"address": "0a:00.1"}, {OTHER.address}),
        ({"address": "*:0a:00.*"}, {OTHER.address}),
        ({"address": ":0a:"}, {OTHER.address}),
        ({"address": "0000:41:10.2"}, {FUNCTIONS[1].address}),
        # Whoever names a card means its functions, too.
        ({"address": CARD.address}, {CARD.address, *(each.address for each in FUNCTIONS)}),
        ({"devname": "ens1"}, {CARD.address, *(each.address for each in FUNCTIONS)}),
        (
            {"address": CARD.address, "product_id": "10ed"},
            {each.address for each in FUNCTIONS},
        ),
        ({"address": {"bus": "41", "function": "[0-1]"}, "product_id": "154d"}, {CARD.address}),
        ([{"product_id": "154d"}, {"product_id": "20b0"}], {CARD.address, OTHER.address}),
        ({"address": "0b:00.1"}, set()),
    ],
)
def test_devices_are_offered(spec: Any, addresses: set[str]) -> None:
    assert offered(spec) == addresses


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "7",
        "[1]",
        '{"vendor": "8086"}',
        '{"vendor_id": "80861"}',
        '{"address": "0000:41:00.0", "devname": "ens1"}',
        '{"address": "1:2:3:4.5"}',
        '{"address": "0000:41:00.8"}',
        '{"address": "0000:zz:00.1"}',
        '{"address": "10000:41:00.1"}',
        '{"address": 7}',
        '{"address": {"bus": "["}}',
        '{"address": {"lane": "1"}}',
    ],
)
def test_what_is_no_offer_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_device_specs([text])


def test_devices_that_are_alike_make_a_pool() -> None:
    specs = parse_device_specs(
        [
            '{"product_id": "10ed", "physical_network": "net1", "live_migratable": true}',
            '{"vendor_id": "8086"}',
        ]
    )
    cards, functions = pools(DEVICES, specs)
    assert cards.addresses == (CARD.address,)
    assert functions.addresses == tuple(each.address for each in FUNCTIONS)
    assert functions.tags == {"live_migratable": "true", "physical_network": "net1"}
    assert (functions.parent, functions.numa_node) == (CARD.address, 1)


def test_without_offers_there_is_nothing() -> None:
    assert pools(DEVICES, ()) == ()
